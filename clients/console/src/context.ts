// What every view of the page needs.
import { createContext } from "preact";
import { useContext, useEffect, useState } from "preact/hooks";
import type { PageEvent } from "./host.ts";
import type { Identity } from "./identity.ts";
import { problemOf, type Problem } from "./server.ts";
import type { Watch, WatchListener } from "./watch.ts";

export interface Page {
  readonly identity: Identity;
  readonly watch: Watch;
  /** Whether the role may call an RPC. */
  readonly may: (rpc: string) => boolean;
  /** The view that a call's prompt leads back to; empty: there is none. */
  readonly home: string;
  /** Tells the page around a frame what happened; nobody, outside of frames. */
  readonly tell: (event: PageEvent) => void;
  /** Tells people what was done, in one sentence; screen readers say it. */
  readonly say: (text: string) => void;
}

export const PageContext = createContext<Page | null>(null);

export function usePage(): Page {
  const page = useContext(PageContext);
  if (!page) throw new Error("There is no page around this view.");
  return page;
}

/** Listens to the watch while the view is shown. */
export function useWatch(watch: Watch, listener: WatchListener, inputs: readonly unknown[]): void {
  useEffect(() => watch.listen(listener), [watch, ...inputs]);
}

export interface Work {
  readonly isBusy: boolean;
  readonly problem: Problem | null;
  /** Runs one action after another; a second one waits until the first has ended by being refused. */
  readonly run: (action: () => Promise<void>) => Promise<void>;
  readonly clear: () => void;
}

/** An action that a person starts: it runs once at a time, and its error is kept to be shown. */
export function useWork(): Work {
  const [isBusy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const run = async (action: () => Promise<void>) => {
    if (isBusy) return;
    setBusy(true);
    setProblem(null);
    try {
      await action();
    } catch (error) {
      setProblem(problemOf(error));
    }
    setBusy(false);
  };
  return { isBusy, problem, run, clear: () => setProblem(null) };
}

/** What `read` answers; null until then. `reload` reads it again. */
export function useRead<T>(read: () => Promise<T>, inputs: readonly unknown[]) {
  const [answer, setAnswer] = useState<T | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [round, setRound] = useState(0);
  useEffect(() => {
    let isCurrent = true;
    setProblem(null);
    read().then(
      (value) => isCurrent && setAnswer(value),
      (error: unknown) => isCurrent && setProblem(problemOf(error)),
    );
    return () => {
      isCurrent = false;
    };
  }, [...inputs, round]);
  return { answer, problem, setAnswer, reload: () => setRound((value) => value + 1) };
}
