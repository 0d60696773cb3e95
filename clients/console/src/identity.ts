// Whose calls the page shows. Without authentication it asks; this browser remembers the answer.
import type { Session } from "./session.ts";
import { recall, store } from "./storage.ts";

export interface Identity {
  readonly accountId: string;
  /** Empty: the calls of all users. */
  readonly userId: string;
}

const KEY = "leadline.identity";
const DEMO: Identity = { accountId: "demo", userId: "" };

export function rememberedIdentity(): Identity | null {
  try {
    const read: unknown = JSON.parse(recall(KEY) || "null");
    if (typeof read !== "object" || read === null) return null;
    const { accountId, userId } = read as Record<string, unknown>;
    return typeof accountId === "string" && typeof userId === "string" ? { accountId, userId } : null;
  } catch {
    return null;
  }
}

export function remember(identity: Identity | null): void {
  store(KEY, identity ? JSON.stringify(identity) : "");
}

export const proposedIdentity = (): Identity => rememberedIdentity() ?? DEMO;

/** Whose calls a session shows: its own account's and user's; else those that this browser remembers. */
export function identityOf(session: Session): Identity | null {
  const { accountId, userId } = session;
  const remembered = rememberedIdentity();
  if (!accountId) return remembered;
  const chosen = remembered?.accountId === accountId ? remembered.userId : "";
  return { accountId, userId: userId || chosen };
}
