// One watch of the account's call logs for the whole page. It reconnects, and continues after the last change it saw.
import { Code } from "@connectrpc/connect";
import type { CallLog } from "./contract/leadline/v1/call_log_pb.ts";
import type { Identity } from "./identity.ts";
import { credentialRefused } from "./credential.ts";
import { callLogs, problemOf } from "./server.ts";

/** LIVE: changes arrive. AWAY: the server does not answer. REFUSED: the credential has ended. Both are tried again. */
export type WatchState = "CONNECTING" | "LIVE" | "AWAY" | "REFUSED";

export interface WatchListener {
  /** Changed call logs, in the order of their changes. */
  readonly onChange?: (logs: readonly CallLog[]) => void;
  /** The watch begins here. What was read before may be out of date. */
  readonly onGap?: () => void;
  readonly onState?: (state: WatchState) => void;
}

const FIRST_PAUSE = 500;
const LONGEST_PAUSE = 5_000;

export class Watch {
  readonly #listeners = new Set<WatchListener>();
  readonly #stop = new AbortController();
  #state: WatchState = "CONNECTING";
  #token = "";

  constructor(private readonly identity: Identity) {}

  begin(): void {
    void this.#run();
  }

  get state(): WatchState {
    return this.#state;
  }

  /** Adds a listener, and tells it the state of now. Returns the function that removes it. */
  listen(listener: WatchListener): () => void {
    this.#listeners.add(listener);
    listener.onState?.(this.#state);
    return () => this.#listeners.delete(listener);
  }

  end(): void {
    this.#stop.abort();
  }

  async #run(): Promise<void> {
    let pause = FIRST_PAUSE;
    while (!this.#stop.signal.aborted) {
      let state: WatchState = "AWAY";
      try {
        await this.#follow(() => (pause = FIRST_PAUSE));
      } catch (error) {
        if (this.#stop.signal.aborted) return;
        const { code } = problemOf(error);
        // The token is too old, or of another ledger: begin anew, and read again what is shown.
        if ([Code.OutOfRange, Code.InvalidArgument].includes(code)) this.#token = "";
        if (code === Code.Unauthenticated) {
          state = "REFUSED";
          credentialRefused();
        }
      }
      this.#tell(state);
      await new Promise((resolve) => setTimeout(resolve, pause * (0.5 + Math.random())));
      pause = Math.min(pause * 2, LONGEST_PAUSE);
    }
  }

  async #follow(onAnswer: () => void): Promise<void> {
    const isContinued = this.#token !== "";
    const { accountId, userId } = this.identity;
    const request = { accountId, userId, resumeToken: this.#token };
    for await (const message of callLogs.watchCallLogs(request, { signal: this.#stop.signal })) {
      onAnswer();
      if (this.#state !== "LIVE") {
        this.#tell("LIVE");
        if (!isContinued) for (const listener of this.#listeners) listener.onGap?.();
      }
      this.#token = message.resumeToken;
      const log = message.callLog;
      if (log) for (const listener of this.#listeners) listener.onChange?.([log]);
    }
  }

  #tell(state: WatchState): void {
    if (state === this.#state) return;
    this.#state = state;
    for (const listener of this.#listeners) listener.onState?.(state);
  }
}
