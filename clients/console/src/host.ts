// The page around a frame: messages from it and to it, with exact origins both ways (docs/embedding.md).
import type { CallLog } from "./contract/leadline/v1/call_log_pb.ts";
import type { Contact } from "./contract/leadline/v1/contact_pb.ts";
import { callId, webAddress } from "./format.ts";

/** What happens in the frame, as the page around it is told. */
export type PageEvent = Readonly<{ type: string } & Record<string, string | number>>;

const about = (contact: Contact | undefined) => ({ contact_id: contact?.id ?? "", contact_url: webAddress(contact?.url) ?? "" });

export const callOpened = (log: CallLog): PageEvent => ({ type: "call_opened", call_id: callId(log) });

export const contactCreated = (log: CallLog, contact: Contact): PageEvent => ({
  type: "contact_created",
  call_id: callId(log),
  ...about(contact),
});

export const callLogged = (log: CallLog): PageEvent => ({
  type: "call_logged",
  call_id: callId(log),
  ...about(log.contact),
  crm_log_id: log.crmLogId,
  crm_log_url: webAddress(log.crmLogUrl) ?? "",
});

/** A call rings. Without a contact, `contact_id` and `contact_url` are empty. */
export const screenPop = (log: CallLog): PageEvent => ({ type: "screen_pop", call_id: callId(log), ...about(log.contact) });

/** The version of the messages. */
const VERSION = 1;
const LONGEST = 4_096;

/** A message of the page around the frame. Its texts are not trusted. */
export interface HostMessage {
  readonly type: string;
  readonly text: (name: string) => string;
  readonly origin: string;
}

export class Host {
  #origin = "";

  constructor(private readonly origins: readonly string[]) {}

  /** Listens to the page around the frame. Only its own messages count, from one of the origins. */
  listen(onMessage: (message: HostMessage) => void): () => void {
    const take = (event: MessageEvent<unknown>) => {
      const { data, origin } = event;
      if (event.source !== parent || !this.origins.includes(origin)) return;
      if (typeof data !== "object" || data === null) return;
      const said = data as Record<string, unknown>;
      if (said.leadline !== VERSION || typeof said.type !== "string") return;
      this.#origin = origin;
      const text = (name: string) => (typeof said[name] === "string" ? said[name].slice(0, LONGEST) : "");
      onMessage({ type: said.type, text, origin });
    };
    addEventListener("message", take);
    return () => removeEventListener("message", take);
  }

  /** Tells the page around the frame; nobody, before it has sent a message. */
  tell(event: PageEvent): void {
    if (this.#origin) parent.postMessage({ leadline: VERSION, ...event }, this.#origin);
  }
}

/** The origins that may show this page in a frame, as the server wrote them into it. */
export function allowedOrigins(): string[] {
  const meta = document.querySelector<HTMLMetaElement>('meta[name="leadline-embed-origins"]');
  return (meta?.content ?? "").split(" ").filter(Boolean);
}
