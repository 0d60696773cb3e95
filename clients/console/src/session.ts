// The session of this browser, or of a frame's token: who is signed in, until when, and which RPCs the role may call.
import { Code, ConnectError } from "@connectrpc/connect";
import { credential } from "./credential.ts";

export interface Session {
  readonly csrfToken: string;
  readonly role: string;
  /** Empty: the credential belongs to no account. */
  readonly accountId: string;
  /** Empty: the credential is not one of a user. */
  readonly userId: string;
  /** In milliseconds since 1970. */
  readonly expireTime: number;
  readonly rpcs: readonly string[];
}

/** OPEN: the server wants no credential. SIGNED_OUT: it does, and there is none. */
export type Access = "OPEN" | "SIGNED_OUT" | Session;

const PATH = "/session";
const WAIT = 15_000;

async function ask(method: string, query = "", body?: unknown): Promise<Response> {
  const init = { method, headers: credential(), signal: AbortSignal.timeout(WAIT) };
  const answer = await fetch(PATH + query, body ? { ...init, body: JSON.stringify(body) } : init);
  if (answer.status >= 500) throw new ConnectError("", Code.Unavailable);
  return answer;
}

async function sessionOf(answer: Response): Promise<Session> {
  const said = (await answer.json()) as Record<string, unknown>;
  return {
    csrfToken: String(said.csrf_token),
    role: String(said.role),
    accountId: String(said.account_id),
    userId: String(said.user_id),
    expireTime: 1000 * Number(said.expire_time),
    rpcs: said.rpcs as string[],
  };
}

export async function readAccess(): Promise<Access> {
  const answer = await ask("GET");
  if (answer.status === 404) return "OPEN";
  return answer.ok ? sessionOf(answer) : "SIGNED_OUT";
}

/** Opens a session with an API key or a JWT, which the page does not keep. */
export async function signIn(key: string): Promise<Session> {
  const answer = await ask("POST", "", { key });
  if (answer.ok) return sessionOf(answer);
  const text = answer.status === 401 ? ((await answer.json()) as { message: string }).message : "";
  throw new ConnectError(text, Code.Unauthenticated);
}

/** Ends this session, or all sessions of the same credential in all browsers. */
export async function signOut(everywhere: boolean): Promise<void> {
  await ask("DELETE", everywhere ? "?everywhere=true" : "");
}
