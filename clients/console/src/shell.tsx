// What is around every view: the watch, the sentences about what was done, and where the focus goes.
import type { ComponentChildren } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { PageContext, type Page } from "./context.ts";
import type { PageEvent } from "./host.ts";
import type { Identity } from "./identity.ts";
import { useRoute, type Route } from "./route.ts";
import { t } from "./words.ts";
import { Watch, type WatchState } from "./watch.ts";

/** How long a sentence about what was done stays on the page, in milliseconds. */
const SAID_FOR = 6_000;

export interface ShellProps {
  readonly identity: Identity;
  readonly may: (rpc: string) => boolean;
  readonly home: string;
  readonly tell: (event: PageEvent) => void;
  readonly header: (route: Route) => ComponentChildren;
  readonly view: (route: Route) => ComponentChildren;
}

export function Shell({ identity, may, home, tell, header, view }: ShellProps) {
  const watch = useMemo(() => new Watch(identity), [identity]);
  useEffect(() => {
    if (may("WatchCallLogs")) watch.begin();
    return () => watch.end();
  }, [watch]);
  const [said, setSaid] = useState("");
  useEffect(() => {
    const timer = setTimeout(() => setSaid(""), SAID_FOR);
    return () => clearTimeout(timer);
  }, [said]);
  const page: Page = useMemo(() => ({ identity, watch, may, home, tell, say: setSaid }), [identity, watch, may, home, tell]);
  const route = useRoute();
  const main = useRef<HTMLElement>(null);
  const isFirst = useRef(true);
  useEffect(() => {
    if (isFirst.current) isFirst.current = false;
    else main.current?.focus(); // a new view begins at its top, also for a screen reader
  }, [route.view, route.id]);
  return (
    <PageContext.Provider value={page}>
      <a class="skip" href="#main" onClick={(event) => (event.preventDefault(), main.current?.focus())}>
        {t("skip")}
      </a>
      <header>{header(route)}</header>
      <main id="main" ref={main} tabIndex={-1}>
        {view(route)}
      </main>
      <div class="said" role="status" aria-live="polite">
        {said}
      </div>
    </PageContext.Provider>
  );
}

export function Connection({ watch }: { watch: Watch }) {
  const [state, setState] = useState<WatchState>(watch.state);
  useEffect(() => watch.listen({ onState: setState }), [watch]);
  return (
    <span class={`connection ${state.toLowerCase()}`} role="status">
      {t(`connection.${state}`)}
    </span>
  );
}
