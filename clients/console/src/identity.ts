// Who uses the page. Without authentication it asks; this browser remembers the answer.
export interface Identity {
  readonly accountId: string;
  /** Empty: the calls of all users. */
  readonly userId: string;
}

const KEY = "leadline.identity";
const DEMO: Identity = { accountId: "demo", userId: "" };

export function rememberedIdentity(): Identity | null {
  try {
    const read: unknown = JSON.parse(localStorage.getItem(KEY) ?? "null");
    if (typeof read !== "object" || read === null) return null;
    const { accountId, userId } = read as Record<string, unknown>;
    return typeof accountId === "string" && typeof userId === "string" ? { accountId, userId } : null;
  } catch {
    return null;
  }
}

export function remember(identity: Identity | null): void {
  if (identity) localStorage.setItem(KEY, JSON.stringify(identity));
  else localStorage.removeItem(KEY);
}

export const proposedIdentity = (): Identity => rememberedIdentity() ?? DEMO;
