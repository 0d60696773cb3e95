// Asks whose calls to show. This chooses what is shown, and protects nothing: the server knows who may see it.
import { useState } from "preact/hooks";
import { Field, Trouble } from "../parts.tsx";
import { proposedIdentity, type Identity } from "../identity.ts";
import { preferences, WAIT } from "../server.ts";
import { useWork } from "../context.ts";
import { t } from "../words.ts";

export interface WhoProps {
  /** The account of the session; empty: the person chooses one. */
  readonly accountId: string;
  readonly onChosen: (identity: Identity) => void;
}

export function WhoAreYou({ accountId: own, onChosen }: WhoProps) {
  const [accountId, setAccount] = useState(own || proposedIdentity().accountId);
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
        <Field label={t("account")} value={accountId} onChange={setAccount} required disabled={own !== ""} longest={128} />
        <Field label={t("user")} value={userId} onChange={setUser} hint={t("who.user_hint")} longest={128} />
        <Trouble problem={work.problem} />
        <button type="submit" class="main" disabled={work.isBusy || !accountId.trim()}>
          {t("who.enter")}
        </button>
      </form>
    </main>
  );
}
