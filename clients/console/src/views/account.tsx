// The account's settings, its default preferences, and which of them users cannot change.
import { useState } from "preact/hooks";
import type { AccountSettings } from "../contract/leadline/v1/preferences_pb.ts";
import { usePage, useRead, useWork } from "../context.ts";
import { Choice, Field, Trouble } from "../parts.tsx";
import { messageOf, PREFERENCES, preferenceLabel, PreferenceEditor, type Edits } from "../preference_fields.tsx";
import { preferences, WAIT } from "../server.ts";
import { t } from "../words.ts";

/** The settings that are a text, a number, a flag, or a list of texts. */
const TEXTS = [
  { name: "default_region", key: "defaultRegion" },
  { name: "time_zone", key: "timeZone" },
  { name: "extension_pattern", key: "extensionPattern" },
  { name: "default_user_id", key: "defaultUserId" },
] as const;
const NUMBERS = [
  { name: "placeholder_limit_per_hour", key: "placeholderLimitPerHour" },
  { name: "placeholder_limit_per_day", key: "placeholderLimitPerDay" },
] as const;
const FLAGS = [
  { name: "join_linked_calls", key: "joinLinkedCalls" },
  { name: "create_without_log", key: "createWithoutLog" },
] as const;
const LISTS = [
  { name: "own_numbers", key: "ownNumbers" },
  { name: "dial_prefixes", key: "dialPrefixes" },
  { name: "caller_id_prefixes", key: "callerIdPrefixes" },
  { name: "number_formats", key: "numberFormats" },
] as const;

const split = (text: string): string[] => text.split("\n").map((one) => one.trim()).filter(Boolean);

export function Account() {
  const { identity } = usePage();
  const request = { accountId: identity.accountId };
  const read = useRead(async () => (await preferences.getAccountSettings(request, WAIT)).settings!, [identity]);
  return (
    <>
      <h1>{t("nav.account")}</h1>
      <Trouble problem={read.problem} onRetry={read.reload} />
      {read.answer && <SettingsForm settings={read.answer} onSaved={read.setAnswer} />}
    </>
  );
}

function SettingsForm({ settings, onSaved }: { settings: AccountSettings; onSaved: (now: AccountSettings) => void }) {
  const { identity, say, may } = usePage();
  const [texts, setTexts] = useState<Readonly<Record<string, string>>>({});
  const [defaults, setDefaults] = useState<Edits>({});
  const [locked, setLocked] = useState<readonly string[]>(settings.locked);
  const work = useWork();
  const isLockChanged = [...locked].sort().join() !== [...settings.locked].sort().join();
  const save = () =>
    work.run(async () => {
      const edited = messageOf(defaults);
      const lines = LISTS.filter(({ name }) => name in texts).map(({ name, key }) => [key, split(texts[name]!)]);
      const plain = TEXTS.filter(({ name }) => texts[name]).map(({ name, key }) => [key, texts[name]]);
      const numbers = NUMBERS.filter(({ name }) => texts[name]).map(({ name, key }) => [key, Number(texts[name])]);
      const flags = FLAGS.filter(({ name }) => texts[name]).map(({ name, key }) => [key, texts[name] === "true"]);
      const paths = [...edited.paths.map((path) => `defaults.${path}`), ...Object.keys(texts)];
      if (isLockChanged) paths.push("locked");
      const changed = { ...Object.fromEntries([...lines, ...plain, ...numbers, ...flags]), defaults: edited.values, locked: [...locked] };
      const request = { accountId: identity.accountId, settings: changed, updateMask: { paths } };
      const answer = await preferences.updateAccountSettings(request, WAIT);
      setTexts({});
      setDefaults({});
      setLocked(answer.settings!.locked);
      onSaved(answer.settings!);
      say(t("saved"));
    });
  const wrong = work.problem?.fields ?? {};
  const hasEdits = isLockChanged || Object.keys(texts).length + Object.keys(defaults).length > 0;
  const edit = (name: string) => (value: string) => setTexts({ ...texts, [name]: value });
  return (
    <form class="settings" onSubmit={(event) => (event.preventDefault(), void save())}>
      <fieldset role="presentation" class="plain" disabled={!may("UpdateAccountSettings")}>
        <h2>{t("account.settings")}</h2>
        {TEXTS.map(({ name, key }) => (
          <Field
            key={name}
            label={t(`setting.${name}`)}
            value={texts[name] ?? settings[key] ?? ""}
            wrong={wrong[`settings.${name}`]}
            onChange={edit(name)}
          />
        ))}
        {NUMBERS.map(({ name, key }) => (
          <Field
            key={name}
            label={t(`setting.${name}`)}
            type="number"
            value={texts[name] ?? String(settings[key] ?? "")}
            wrong={wrong[`settings.${name}`]}
            onChange={edit(name)}
          />
        ))}
        {FLAGS.map(({ name, key }) => (
          <Choice
            key={name}
            label={t(`setting.${name}`)}
            value={texts[name] ?? String(settings[key] ?? false)}
            choices={[
              ["true", t("yes")],
              ["false", t("no")],
            ]}
            onChange={edit(name)}
          />
        ))}
        {LISTS.map(({ name, key }) => (
          <Field
            key={name}
            label={t(`setting.${name}`)}
            hint={t("one_a_line")}
            lines={3}
            value={texts[name] ?? settings[key].join("\n")}
            wrong={Object.entries(wrong).find(([field]) => field.startsWith(`settings.${name}`))?.[1]}
            onChange={edit(name)}
          />
        ))}
        <h2>{t("account.defaults")}</h2>
        {PREFERENCES.map((preference) => {
          const { name } = preference;
          const isLocked = locked.includes(name);
          const flip = () => setLocked(isLocked ? locked.filter((one) => one !== name) : [...locked, name]);
          return (
            <div class="lockable" key={name}>
              <PreferenceEditor
                preference={preference}
                value={name in defaults ? defaults[name] : settings.defaults?.[preference.key]}
                inherited=""
                hint={wrong[`settings.defaults.${name}`]}
                disabled={work.isBusy}
                onChange={(value) => setDefaults({ ...defaults, [name]: value })}
              />
              <label>
                <input type="checkbox" checked={isLocked} onChange={flip} />
                {t("account.lock")}
                <span class="unseen"> {preferenceLabel(name)}</span>
              </label>
            </div>
          );
        })}
      </fieldset>
      <Trouble problem={work.problem} />
      {may("UpdateAccountSettings") && (
        <button type="submit" class="main" disabled={work.isBusy || !hasEdits}>
          {t("save")}
        </button>
      )}
    </form>
  );
}
