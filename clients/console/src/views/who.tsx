// Asks who uses the page. There is no authentication yet, so this chooses what is shown, and protects nothing.
import { useState } from "preact/hooks";
import { Field, Trouble } from "../parts.tsx";
import { proposedIdentity, type Identity } from "../identity.ts";
import { preferences, WAIT } from "../server.ts";
import { useWork } from "../context.ts";
import { t } from "../words.ts";

export function WhoAreYou({ onChosen }: { onChosen: (identity: Identity) => void }) {
  const [accountId, setAccount] = useState(proposedIdentity().accountId);
  const [userId, setUser] = useState(proposedIdentity().userId);
  const work = useWork();
  const enter = () =>
    work.run(async () => {
      const request = { accountId: accountId.trim() };
      await preferences.getAccountSettings(request, WAIT); // an unknown account is told here
      onChosen({ ...request, userId: userId.trim() });
    });
  return (
    <main id="main" class="narrow">
      <h1>{t("who.title")}</h1>
      <p>{t("who.why")}</p>
      <form onSubmit={(event) => (event.preventDefault(), void enter())}>
        <Field label={t("account")} value={accountId} onChange={setAccount} required longest={128} />
        <Field label={t("user")} value={userId} onChange={setUser} hint={t("who.user_hint")} longest={128} />
        <Trouble problem={work.problem} />
        <button type="submit" class="main" disabled={work.isBusy || !accountId.trim()}>
          {t("who.enter")}
        </button>
      </form>
    </main>
  );
}
