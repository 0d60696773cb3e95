// A user's own preferences: what is in force, where it comes from, and what the administrator has locked.
import { useState } from "preact/hooks";
import { PreferenceSource } from "../contract/leadline/v1/preferences_pb.ts";
import { usePage, useRead, useWork } from "../context.ts";
import { Trouble } from "../parts.tsx";
import { messageOf, PREFERENCES, PreferenceEditor, valueText, type Edits } from "../preference_fields.tsx";
import { preferences, WAIT } from "../server.ts";
import { t, word } from "../words.ts";

export function OwnPreferences() {
  const { identity, say, may } = usePage();
  const [edits, setEdits] = useState<Edits>({});
  const work = useWork();
  const read = useRead(async () => (identity.userId ? preferences.getPreferences(identity, WAIT) : null), [identity]);
  const save = () =>
    work.run(async () => {
      const { values, paths } = messageOf(edits);
      await preferences.updatePreferences({ ...identity, preferences: values, updateMask: { paths } }, WAIT);
      setEdits({});
      read.reload();
      say(t("saved"));
    });
  const found = read.answer;
  return (
    <>
      <h1>{t("nav.preferences")}</h1>
      {!identity.userId && <p class="empty">{t("preferences.no_user")}</p>}
      <Trouble problem={read.problem} onRetry={read.reload} />
      {found && (
        <form class="settings" onSubmit={(event) => (event.preventDefault(), void save())}>
          {PREFERENCES.map((preference) => {
            const isLocked = found.locked.includes(preference.name);
            const source = word("source", PreferenceSource[found.sources[preference.name] ?? 0]);
            const own = preference.name in edits ? edits[preference.name] : found.user?.[preference.key];
            const inForce = valueText(preference, found.effective?.[preference.key]);
            return (
              <PreferenceEditor
                key={preference.name}
                preference={preference}
                value={own}
                inherited={own === undefined && !(preference.name in edits) ? inForce : ""}
                hint={t(isLocked ? "preferences.locked" : "preferences.in_force", { value: inForce, source })}
                disabled={isLocked || work.isBusy || !may("UpdatePreferences")}
                onChange={(value) => setEdits({ ...edits, [preference.name]: value })}
              />
            );
          })}
          <Trouble problem={work.problem} />
          {may("UpdatePreferences") && <Save isBusy={work.isBusy} edits={edits} />}
        </form>
      )}
    </>
  );
}

export function Save({ isBusy, edits }: { isBusy: boolean; edits: Edits }) {
  return (
    <button type="submit" class="main" disabled={isBusy || Object.keys(edits).length === 0}>
      {t("save")}
    </button>
  );
}
