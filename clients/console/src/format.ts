// Times, numbers and names as people read them. Everything is plain text: Preact escapes it.
import { timestampDate, type Timestamp } from "@bufbuild/protobuf/wkt";
import type { CallLog } from "./contract/leadline/v1/call_log_pb.ts";
import { CallDirection, type Call, type Party } from "./contract/leadline/v1/call_pb.ts";
import type { Contact } from "./contract/leadline/v1/contact_pb.ts";
import { language } from "./words.ts";

let moments: Intl.DateTimeFormat | null = null;
let counts: Intl.NumberFormat | null = null;

/** A time in the browser's zone: "Mar 4, 2026, 5:06:07 PM". */
export function moment(time: Timestamp | undefined): string {
  moments ??= new Intl.DateTimeFormat(language(), { dateStyle: "medium", timeStyle: "medium" });
  return time ? moments.format(timestampDate(time)) : "";
}

/** A time of a day: "5:06 PM". The argument is in milliseconds since 1970. */
export function time(milliseconds: number): string {
  return new Intl.DateTimeFormat(language(), { timeStyle: "short" }).format(milliseconds);
}

export function count(value: number): string {
  counts ??= new Intl.NumberFormat(language());
  return counts.format(value);
}

/** Minutes and seconds: "3:07". */
export function duration(call: Call | undefined): string {
  const from = call?.answerTime ?? call?.startTime;
  if (!from || !call?.endTime) return "";
  const seconds = Math.max(0, Math.round((+timestampDate(call.endTime) - +timestampDate(from)) / 1000));
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

/** `Call.id`. Every call of the server has one. */
export const callId = (log: CallLog): string => log.call?.id ?? "";

/** The other side of a call: the caller of an inbound one, else the callee. */
export function otherParty(call: Call | undefined): Party | undefined {
  return call?.direction === CallDirection.INBOUND ? call.caller : call?.callee;
}

/** The other side's number, name or extension; empty if it has none. */
export function partyText(call: Call | undefined): string {
  const party = otherParty(call);
  return party?.phoneNumber || party?.extension || party?.name || "";
}

/** Who a call is with: the contact, else the caller-ID name, else the number. */
export function withWhom(log: CallLog): string {
  return log.contact?.name || otherParty(log.call)?.name || partyText(log.call);
}

/** An address that a link may have: http or https. A CRM's text is not trusted. */
export function webAddress(text: string | undefined): string | undefined {
  return text && /^https?:\/\//i.test(text) ? text : undefined;
}

export function details(contact: Contact): string {
  return [contact.title, contact.company, contact.type, contact.email].filter(Boolean).join(" · ");
}

/** When a call began; when it was first reported, if it has no start. In milliseconds. */
export function beganAt(log: CallLog): number {
  const time = log.call?.startTime ?? log.createTime;
  return time ? +timestampDate(time) : 0;
}
