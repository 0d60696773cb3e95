// The page: who uses it, its navigation, and the view that the address names.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { PageContext, type Page } from "./context.ts";
import { remember, rememberedIdentity, type Identity } from "./identity.ts";
import { address, useRoute, type Route } from "./route.ts";
import { Account } from "./views/account.tsx";
import { Calls } from "./views/calls.tsx";
import { Counts } from "./views/counts.tsx";
import { Failed } from "./views/failed.tsx";
import { Now } from "./views/now.tsx";
import { Placeholders } from "./views/placeholders.tsx";
import { OwnPreferences } from "./views/own_preferences.tsx";
import { Prompt } from "./views/prompt.tsx";
import { Status } from "./views/status.tsx";
import { Users } from "./views/users.tsx";
import { WhoAreYou } from "./views/who.tsx";
import { Watch, type WatchState } from "./watch.ts";
import { choose, language, t, type MessageKey } from "./words.ts";

const PEOPLE = ["now", "calls", "preferences"] as const;
const ADMINISTRATORS = ["failed", "placeholders", "counts", "users", "account", "status"] as const;

/** How long a sentence about what was done stays on the page, in milliseconds. */
const SAID_FOR = 6_000;

export function App() {
  const [identity, setIdentity] = useState<Identity | null>(rememberedIdentity);
  const change = (chosen: Identity | null) => {
    remember(chosen);
    setIdentity(chosen);
  };
  if (!identity) return <WhoAreYou onChosen={change} />;
  return <Console key={JSON.stringify(identity)} identity={identity} onLeave={() => change(null)} />;
}

function Console({ identity, onLeave }: { identity: Identity; onLeave: () => void }) {
  const watch = useMemo(() => new Watch(identity), [identity]);
  useEffect(() => () => watch.end(), [watch]);
  const [said, setSaid] = useState("");
  useEffect(() => {
    const timer = setTimeout(() => setSaid(""), SAID_FOR);
    return () => clearTimeout(timer);
  }, [said]);
  const page: Page = useMemo(() => ({ identity, watch, say: setSaid }), [identity, watch]);
  const route = useRoute();
  const main = useRef<HTMLElement>(null);
  const isFirst = useRef(true);
  useEffect(() => {
    document.title = `${t(titleOf(route))} · leadline`;
    if (isFirst.current) isFirst.current = false;
    else main.current?.focus(); // a new view begins at its top, also for a screen reader
  }, [route.view, route.id]);
  return (
    <PageContext.Provider value={page}>
      <a class="skip" href="#main" onClick={(event) => (event.preventDefault(), main.current?.focus())}>
        {t("skip")}
      </a>
      <header>
        <strong class="brand">leadline</strong>
        <nav aria-label={t("navigation")}>
          <Links names={PEOPLE} current={route.view} />
          <Links names={ADMINISTRATORS} current={route.view} />
        </nav>
        <div class="who">
          <Connection watch={watch} />
          <span>
            {identity.accountId}
            {identity.userId && ` · ${identity.userId}`}
          </span>
          <button type="button" class="quiet" onClick={onLeave}>
            {t("who.change")}
          </button>
          <button type="button" class="quiet" onClick={() => choose(language() === "en" ? "de" : "en")}>
            {language() === "en" ? "Deutsch" : "English"}
          </button>
        </div>
      </header>
      <main id="main" ref={main} tabIndex={-1}>
        <View route={route} />
      </main>
      <div class="said" role="status" aria-live="polite">
        {said}
      </div>
    </PageContext.Provider>
  );
}

function titleOf(route: Route): MessageKey {
  const known: readonly string[] = [...PEOPLE, ...ADMINISTRATORS];
  return known.includes(route.view) ? (`nav.${route.view}` as MessageKey) : "nav.now";
}

function Links({ names, current }: { names: readonly string[]; current: string }) {
  return (
    <ul>
      {names.map((name) => (
        <li key={name}>
          <a href={address(name)} aria-current={name === current ? "page" : undefined}>
            {t(`nav.${name}` as MessageKey)}
          </a>
        </li>
      ))}
    </ul>
  );
}

function View({ route }: { route: Route }) {
  if (route.view === "calls" && route.id) return <Prompt key={route.id} id={route.id} />;
  switch (route.view) {
    case "calls":
      return <Calls />;
    case "preferences":
      return <OwnPreferences />;
    case "failed":
      return <Failed />;
    case "placeholders":
      return <Placeholders />;
    case "counts":
      return <Counts />;
    case "users":
      return <Users />;
    case "account":
      return <Account />;
    case "status":
      return <Status />;
    default:
      return <Now />;
  }
}

function Connection({ watch }: { watch: Watch }) {
  const [state, setState] = useState<WatchState>(watch.state);
  useEffect(() => watch.listen({ onState: setState }), [watch]);
  return (
    <span class={`connection ${state.toLowerCase()}`} role="status">
      {t(`connection.${state}`)}
    </span>
  );
}
