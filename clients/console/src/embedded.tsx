// The page in a frame of another site: a call's prompt, or the calls as they ring. The page around it signs it in.
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { setCredential } from "./credential.ts";
import { usePage } from "./context.ts";
import { allowedOrigins, Host, type HostMessage } from "./host.ts";
import type { Identity } from "./identity.ts";
import { address, type Route } from "./route.ts";
import { readAccess } from "./session.ts";
import { Connection, Shell } from "./shell.tsx";
import { Now } from "./views/now.tsx";
import { Prompt } from "./views/prompt.tsx";
import { t, type MessageKey } from "./words.ts";

/** How long before a token's end the page around is asked for the next one, in milliseconds. */
const EARLY = 60_000;
/** How long to wait before a server that does not answer is asked again, in milliseconds. */
const PAUSE = 2_000;

interface SignedIn {
  readonly identity: Identity;
  readonly rpcs: readonly string[] | null;
  readonly expireTime: number;
}

/** Why there is nothing to see yet. */
type Waiting = "embed.waiting" | "embed.refused" | "embed.away" | "embed.no_frame";

/** Takes a "connect" message: tries its token, or without authentication its account and user. */
async function signedIn(message: HostMessage, onRefused: () => void): Promise<SignedIn | Waiting> {
  const token = message.text("token");
  const headers = token && { authorization: `Bearer ${token}`, "x-embed-origin": message.origin };
  setCredential(headers || {}, onRefused);
  const access = await readAccess();
  if (access === "SIGNED_OUT") return "embed.refused";
  if (access === "OPEN") {
    const identity = { accountId: message.text("account_id") || "demo", userId: message.text("user_id") };
    return { identity, rpcs: null, expireTime: 0 };
  }
  const { accountId, userId, rpcs, expireTime } = access;
  return { identity: { accountId, userId }, rpcs, expireTime };
}

export function Embedded({ view }: { view: string }) {
  const host = useMemo(() => new Host(allowedOrigins()), []);
  const [state, setState] = useState<SignedIn | Waiting>(parent === window ? "embed.no_frame" : "embed.waiting");
  const callId = useMemo(() => new URLSearchParams(location.search).get("call_id") ?? "", []);
  const wantToken = () => host.tell({ type: "token_needed" });
  const latest = useRef<HostMessage | null>(null);
  const connect = async (message: HostMessage) => {
    latest.current = message;
    const now = await signedIn(message, wantToken).catch((): Waiting => "embed.away");
    if (latest.current !== message) return;
    if (now === "embed.away") setTimeout(() => latest.current === message && void connect(message), PAUSE);
    if (typeof now === "string") {
      host.tell({ type: "refused", reason: now === "embed.away" ? "UNAVAILABLE" : "UNAUTHENTICATED" });
      setState((before) => (typeof before === "string" ? now : before)); // what was typed stays until the next token
    } else {
      host.tell({ type: "connected", account_id: now.identity.accountId, user_id: now.identity.userId });
      setState(now);
    }
  };
  // A layout effect, so that it listens before the frame's load event, at which the page around sends its first message.
  useLayoutEffect(
    () =>
      host.listen((message) => {
        if (message.type === "connect") void connect(message);
        if (message.type === "open_call") location.hash = address("calls", message.text("call_id"));
      }),
    [],
  );
  const expireTime = typeof state === "string" ? 0 : state.expireTime;
  useEffect(() => {
    if (!expireTime) return undefined;
    const timer = setTimeout(wantToken, Math.max(0, expireTime - Date.now() - EARLY));
    return () => clearTimeout(timer);
  }, [expireTime]);
  if (typeof state === "string") return <Message text={state} />;
  return <Framed key={JSON.stringify(state.identity)} signedIn={state} host={host} view={view} callId={callId} />;
}

function Message({ text }: { text: MessageKey }) {
  return (
    <main id="main" class="narrow">
      <h1>leadline</h1>
      <p role="status">{t(text)}</p>
    </main>
  );
}

function Framed(props: { signedIn: SignedIn; host: Host; view: string; callId: string }) {
  const { signedIn: { identity, rpcs }, host, view, callId } = props;
  const known = useRef(rpcs);
  known.current = rpcs;
  const may = useMemo(() => (rpc: string) => known.current?.includes(rpc) ?? true, []);
  const tell = useMemo(() => host.tell.bind(host), [host]);
  const stable = useMemo(() => identity, [identity.accountId, identity.userId]);
  const shown = (route: Route) => {
    const id = route.view === "calls" && route.id ? route.id : route.isHome ? callId : "";
    if (id) return <Prompt key={id} id={id} />;
    return view === "pop" ? <Now /> : <p class="empty">{t("embed.no_call")}</p>;
  };
  return (
    <Shell identity={stable} may={may} home={view === "pop" ? "now" : ""} tell={tell} header={() => <Live />} view={shown} />
  );
}

function Live() {
  const { watch } = usePage();
  return <Connection watch={watch} />;
}
