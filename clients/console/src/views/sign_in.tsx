// Signs a browser in with an API key or a JWT. The page forgets it at once: the session's cookie takes its place.
import { useState } from "preact/hooks";
import { useWork } from "../context.ts";
import { Field, Trouble } from "../parts.tsx";
import { signIn, type Session } from "../session.ts";
import { t } from "../words.ts";

export function SignIn({ hasEnded, onSignedIn }: { hasEnded: boolean; onSignedIn: (session: Session) => void }) {
  const [key, setKey] = useState("");
  const work = useWork();
  const enter = () =>
    work.run(async () => {
      const given = key.trim();
      setKey("");
      onSignedIn(await signIn(given));
    });
  return (
    <main id="main" class="narrow">
      <h1>{t("session.title")}</h1>
      {hasEnded && <p role="status">{t("session.ended")}</p>}
      <p>{t("session.why")}</p>
      <form onSubmit={(event) => (event.preventDefault(), void enter())}>
        <Field label={t("session.key")} type="password" value={key} onChange={setKey} required longest={16_000} />
        <Trouble problem={work.problem} />
        <button type="submit" class="main" disabled={work.isBusy || !key.trim()}>
          {t("session.sign_in")}
        </button>
      </form>
    </main>
  );
}
