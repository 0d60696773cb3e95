// Which calls a list shows: the filters of ListCallLogs, and whether a changed call passes them.
import { timestampDate, timestampFromDate } from "@bufbuild/protobuf/wkt";
import type { CallLog, CallLogReason, CallLogState, UpdateState } from "./contract/leadline/v1/call_log_pb.ts";
import type { CallDirection } from "./contract/leadline/v1/call_pb.ts";

export interface Filters {
  readonly userId: string;
  readonly states: readonly CallLogState[];
  readonly reasons: readonly CallLogReason[];
  readonly updateStates: readonly UpdateState[];
  readonly directions: readonly CallDirection[];
  readonly phoneNumber: string;
  readonly contactId: string;
  /** Local days, such as `2026-03-01`; empty: no bound. The last day counts. */
  readonly since: string;
  readonly until: string;
}

export const NO_FILTERS: Filters = {
  userId: "",
  states: [],
  reasons: [],
  updateStates: [],
  directions: [],
  phoneNumber: "",
  contactId: "",
  since: "",
  until: "",
};

const midnight = (day: string, later = 0): Date | undefined => {
  if (!day) return undefined;
  const [year = 1970, month = 1, date = 1] = day.split("-").map(Number);
  return new Date(year, month - 1, date + later);
};

/** The filters as fields of ListCallLogsRequest. */
export function requestOf(filters: Filters) {
  const [start, end] = [midnight(filters.since), midnight(filters.until, 1)];
  return {
    userId: filters.userId,
    states: [...filters.states],
    reasons: [...filters.reasons],
    updateStates: [...filters.updateStates],
    directions: [...filters.directions],
    phoneNumber: filters.phoneNumber,
    contactId: filters.contactId,
    ...(start && { startTime: timestampFromDate(start) }),
    ...(end && { endTime: timestampFromDate(end) }),
  };
}

const has = <T>(wanted: readonly T[], value: T | undefined): boolean =>
  wanted.length === 0 || (value !== undefined && wanted.includes(value));

/** Whether a call passes the filters; undefined: only the server can tell, because of the number. */
export function passes(filters: Filters, log: CallLog): boolean | undefined {
  const time = log.call?.startTime ?? log.createTime;
  const began = time ? timestampDate(time) : new Date(0);
  const passed =
    (!filters.userId || filters.userId === log.userId) &&
    has(filters.states, log.state) &&
    has(filters.reasons, log.reason) &&
    has(filters.updateStates, log.updateState) &&
    has(filters.directions, log.call?.direction) &&
    (!filters.contactId || filters.contactId === log.contact?.id) &&
    (!filters.since || began >= midnight(filters.since)!) &&
    (!filters.until || began < midnight(filters.until, 1)!);
  return passed && filters.phoneNumber ? undefined : passed;
}
