// The page in a window of its own: its navigation, who is signed in, and the view that the address names.
import type { FunctionComponent } from "preact";
import { useEffect, useMemo, useState } from "preact/hooks";
import { usePage, useWork } from "./context.ts";
import { time } from "./format.ts";
import type { Identity } from "./identity.ts";
import { Trouble } from "./parts.tsx";
import { address, type Route } from "./route.ts";
import { signOut, type Session } from "./session.ts";
import { Connection, Shell } from "./shell.tsx";
import { Account } from "./views/account.tsx";
import { Calls } from "./views/calls.tsx";
import { CrmConnection } from "./views/connection.tsx";
import { Counts } from "./views/counts.tsx";
import { Failed } from "./views/failed.tsx";
import { Now } from "./views/now.tsx";
import { OwnPreferences } from "./views/own_preferences.tsx";
import { Placeholders } from "./views/placeholders.tsx";
import { Prompt } from "./views/prompt.tsx";
import { Status } from "./views/status.tsx";
import { Users } from "./views/users.tsx";
import { choose, language, t, type MessageKey } from "./words.ts";

interface View {
  readonly name: string;
  readonly component: FunctionComponent;
  /** The RPCs that it needs: a role that may not call them is not offered the view. */
  readonly rpcs: readonly string[];
}

const CALLS = ["ListCallLogs", "GetCallLog", "WatchCallLogs"];
const PEOPLE: readonly View[] = [
  { name: "now", component: Now, rpcs: CALLS },
  { name: "calls", component: Calls, rpcs: CALLS },
  { name: "preferences", component: OwnPreferences, rpcs: ["GetPreferences"] },
];
const ADMINISTRATORS: readonly View[] = [
  { name: "failed", component: Failed, rpcs: [...CALLS, "RetryCallLog"] },
  { name: "placeholders", component: Placeholders, rpcs: [...CALLS, "ListPlaceholders"] },
  { name: "counts", component: Counts, rpcs: ["CountCallLogs"] },
  { name: "users", component: Users, rpcs: ["ListUsers"] },
  { name: "account", component: Account, rpcs: ["GetAccount", "GetAccountSettings"] },
  { name: "connection", component: CrmConnection, rpcs: ["GetConnection"] },
  { name: "status", component: Status, rpcs: [...CALLS, "CountCallLogs"] },
];

export interface ConsoleProps {
  readonly identity: Identity;
  /** Null: the server wants no credential. */
  readonly session: Session | null;
  /** Absent: the session shows the calls of its own user alone. */
  readonly onChange: (() => void) | undefined;
  readonly onSignedOut: (isOwnWish: boolean) => void;
}

const nobody = () => {};

export function Console({ identity, session, onChange, onSignedOut }: ConsoleProps) {
  const may = useMemo(() => (session ? (rpc: string) => session.rpcs.includes(rpc) : () => true), [session]);
  const offered = (views: readonly View[]) => views.filter((view) => view.rpcs.every(may));
  const people = offered(PEOPLE);
  const administrators = offered(ADMINISTRATORS);
  const known = [...people, ...administrators];
  const shown = (route: Route) => known.find((view) => view.name === route.view) ?? (route.isHome ? known[0] : undefined);
  return (
    <Shell
      identity={identity}
      may={may}
      home="calls"
      tell={nobody}
      header={(route) => (
        <>
          <strong class="brand">leadline</strong>
          <nav aria-label={t("navigation")}>
            <Links views={people} current={shown(route)} />
            <Links views={administrators} current={shown(route)} />
          </nav>
          <Who identity={identity} session={session} onChange={onChange} onSignedOut={onSignedOut} />
        </>
      )}
      view={(route) => <Shown route={route} view={shown(route)} />}
    />
  );
}

function Shown({ route, view }: { route: Route; view: View | undefined }) {
  const { may } = usePage();
  useEffect(() => {
    document.title = `${view ? t(`nav.${view.name}` as MessageKey) : t("role.title")} · leadline`;
  }, [view]);
  if (!view) {
    return (
      <>
        <h1>{t("role.title")}</h1>
        <p class="empty">{t("role.not_offered")}</p>
      </>
    );
  }
  if (view.name === "calls" && route.id && may("GetCallLog")) return <Prompt key={route.id} id={route.id} />;
  const Component = view.component;
  return <Component />;
}

function Links({ views, current }: { views: readonly View[]; current: View | undefined }) {
  if (views.length === 0) return null;
  return (
    <ul>
      {views.map((view) => (
        <li key={view.name}>
          <a href={address(view.name)} aria-current={view === current ? "page" : undefined}>
            {t(`nav.${view.name}` as MessageKey)}
          </a>
        </li>
      ))}
    </ul>
  );
}

function Who({ identity, session, onChange, onSignedOut }: ConsoleProps) {
  const { watch, may } = usePage();
  return (
    <div class="who">
      {may("WatchCallLogs") && <Connection watch={watch} />}
      <span>
        {identity.accountId}
        {identity.userId && ` · ${identity.userId}`}
      </span>
      {onChange && (
        <button type="button" class="quiet" onClick={onChange}>
          {t("who.change")}
        </button>
      )}
      {session && <SignedIn session={session} onSignedOut={onSignedOut} />}
      <button type="button" class="quiet" onClick={() => choose(language() === "en" ? "de" : "en")}>
        {language() === "en" ? "Deutsch" : "English"}
      </button>
    </div>
  );
}

/** How long before its end a session warns, in milliseconds. */
const WARNING = 10 * 60_000;
/** The server rounds the time to seconds; this is in milliseconds. */
const ROUNDED = 1_000;

function SignedIn({ session, onSignedOut }: { session: Session; onSignedOut: (isOwnWish: boolean) => void }) {
  const left = session.expireTime - Date.now();
  const [isEnding, setEnding] = useState(left < WARNING);
  useEffect(() => {
    const timers = [setTimeout(() => setEnding(true), left - WARNING), setTimeout(() => onSignedOut(false), left + ROUNDED)];
    return () => timers.forEach(clearTimeout);
  }, [session.expireTime]);
  const work = useWork();
  const leave = (everywhere: boolean) =>
    work.run(async () => {
      await signOut(everywhere);
      onSignedOut(true);
    });
  return (
    <>
      <span class={isEnding ? "trouble" : undefined} role={isEnding ? "alert" : undefined}>
        {t(isEnding ? "session.ends" : "session.until", { role: t(`role.${session.role}` as MessageKey), time: time(session.expireTime) })}
      </span>
      <button type="button" class="quiet" disabled={work.isBusy} onClick={() => void leave(false)}>
        {t("session.sign_out")}
      </button>
      <button type="button" class="quiet" disabled={work.isBusy} onClick={() => void leave(true)}>
        {t("session.sign_out_everywhere")}
      </button>
      <Trouble problem={work.problem} />
    </>
  );
}
