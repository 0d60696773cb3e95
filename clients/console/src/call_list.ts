// The calls of a list: pages that were read, kept up to date by the watch. Newest first, as ListCallLogs has them.
import type { CallLog } from "./contract/leadline/v1/call_log_pb.ts";
import { passes, requestOf, type Filters } from "./filters.ts";
import { beganAt, callId } from "./format.ts";
import type { Identity } from "./identity.ts";
import { callLogs, problemOf, WAIT, type Problem } from "./server.ts";

const PAGE = 200;

const isBefore = (one: CallLog, other: CallLog): boolean => {
  const difference = beganAt(other) - beganAt(one);
  return difference < 0 || (difference === 0 && callId(one) < callId(other));
};

export class CallList {
  rows: CallLog[] = [];
  hasMore = false;
  isLoading = false;
  problem: Problem | null = null;
  #token = "";
  #known = new Map<string, CallLog>();
  #generation = 0;
  #waiting: CallLog[] = [];
  #frame = 0;

  /** `onUpdate` is called after each change of this object. */
  constructor(
    private readonly identity: Identity,
    private readonly filters: Filters,
    private readonly onUpdate: () => void,
  ) {}

  /** Reads the first page anew. */
  async reload(): Promise<void> {
    await this.#read("");
  }

  async more(): Promise<void> {
    if (this.hasMore && !this.isLoading) await this.#read(this.#token);
  }

  /** Takes changes. They are applied together before the next picture, so that many of them cost little. */
  change(logs: readonly CallLog[]): void {
    this.#waiting.push(...logs);
    this.#frame ||= requestAnimationFrame(() => this.#apply());
  }

  end(): void {
    this.#generation += 1;
    cancelAnimationFrame(this.#frame);
  }

  async #read(token: string): Promise<void> {
    const generation = ++this.#generation;
    this.isLoading = true;
    this.problem = null;
    this.onUpdate();
    const { accountId } = this.identity;
    try {
      const request = { ...requestOf(this.filters), accountId, pageSize: PAGE, pageToken: token };
      const page = await callLogs.listCallLogs(request, WAIT);
      if (generation !== this.#generation) return;
      if (!token) this.#clear();
      for (const log of page.callLogs) this.#put(log);
      this.#token = page.nextPageToken;
      this.hasMore = page.nextPageToken !== "";
    } catch (error) {
      if (generation !== this.#generation) return;
      this.problem = problemOf(error);
    }
    this.isLoading = false;
    this.onUpdate();
  }

  #apply(): void {
    this.#frame = 0;
    let isUnsure = false;
    for (const log of this.#waiting.splice(0)) {
      for (const joined of log.linkedCallIds) this.#remove(joined);
      const passed = passes(this.filters, log);
      const isShown = this.#known.has(callId(log));
      if (passed === false) this.#remove(callId(log));
      else if (passed || isShown) this.#put(log);
      else isUnsure = true;
    }
    if (isUnsure && !this.isLoading) void this.reload();
    this.rows = [...this.rows];
    this.onUpdate();
  }

  #clear(): void {
    this.rows = [];
    this.#known.clear();
  }

  #put(log: CallLog): void {
    const id = callId(log);
    const before = this.#known.get(id);
    if (before && before.revision > log.revision) return;
    const oldest = this.rows.at(-1);
    if (!before && this.hasMore && !this.isLoading && oldest && isBefore(oldest, log)) return; // of a page to come
    if (before && beganAt(before) === beganAt(log)) {
      this.rows[this.#place(before)] = log;
    } else {
      this.#remove(id);
      this.rows.splice(this.#place(log), 0, log);
    }
    this.#known.set(id, log);
  }

  #remove(id: string): void {
    const before = this.#known.get(id);
    if (!before) return;
    this.rows.splice(this.#place(before), 1);
    this.#known.delete(id);
  }

  /** Where a call stands in `rows`, or would stand. */
  #place(log: CallLog): number {
    let [low, high] = [0, this.rows.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (isBefore(this.rows[middle]!, log)) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
