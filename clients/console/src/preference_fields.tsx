// The preferences as fields of a form. One table describes them, for users and for the defaults of an account.
import type { MessageInitShape } from "@bufbuild/protobuf";
import { CallDirection, CallResult } from "./contract/leadline/v1/call_pb.ts";
import {
  MultipleMatchAction,
  PlaceholderNameFormat,
  UnknownContactAction,
  type Preferences,
  type PreferencesSchema,
} from "./contract/leadline/v1/preferences_pb.ts";
import { Choice, Field } from "./parts.tsx";
import { t, word, type MessageKey } from "./words.ts";

type Names = Record<string, string | number>;
type Kind = "flag" | "text" | "numbers" | Names;

interface Preference {
  /** The field's name in the contract's masks. */
  readonly name: string;
  readonly key: keyof Preferences & string;
  readonly kind: Kind;
  /** Whether several values of `kind` may be chosen. */
  readonly isList?: boolean;
}

const enumOf = (names: object): Names => names as Names;

export const PREFERENCES: readonly Preference[] = [
  { name: "auto_log_calls", key: "autoLogCalls", kind: "flag" },
  { name: "unknown_contact_action", key: "unknownContactAction", kind: enumOf(UnknownContactAction) },
  { name: "placeholder_name", key: "placeholderName", kind: "text" },
  { name: "placeholder_name_format", key: "placeholderNameFormat", kind: enumOf(PlaceholderNameFormat) },
  { name: "placeholder_contact_type", key: "placeholderContactType", kind: "text" },
  { name: "multiple_match_action", key: "multipleMatchAction", kind: enumOf(MultipleMatchAction) },
  { name: "log_internal_calls", key: "logInternalCalls", kind: "flag" },
  { name: "wait_until_final", key: "waitUntilFinal", kind: "flag" },
  { name: "distrust_failed_attestation", key: "distrustFailedAttestation", kind: "flag" },
  { name: "excluded_directions", key: "excludedDirections", kind: enumOf(CallDirection), isList: true },
  { name: "excluded_results", key: "excludedResults", kind: enumOf(CallResult), isList: true },
  { name: "excluded_numbers", key: "excludedNumbers", kind: "numbers" },
  { name: "crm_user_id", key: "crmUserId", kind: "text" },
];

export const preferenceLabel = (name: string): string => t(`preference.${name}` as MessageKey);

const members = (names: Names): [string, number][] =>
  Object.entries(names).filter((entry): entry is [string, number] => typeof entry[1] === "number" && entry[1] > 0);

const listOf = (value: unknown): readonly (string | number)[] =>
  (value as { values?: readonly (string | number)[] } | undefined)?.values ?? [];

/** A preference's value as people read it. */
export function valueText(preference: Preference, value: unknown): string {
  const { kind } = preference;
  if (value === undefined) return "";
  if (kind === "flag") return t(value ? "yes" : "no");
  if (kind === "text") return String(value) || t("empty");
  if (kind === "numbers") return listOf(value).join(", ") || t("none");
  if (!preference.isList) return word(preference.name, kind[value as number] as string);
  return listOf(value).map((one) => word(preference.name, kind[one as number] as string)).join(", ") || t("none");
}

interface EditorProps {
  readonly preference: Preference;
  /** The value of this level; undefined: it inherits. */
  readonly value: unknown;
  /** The value that it inherits, as text; empty: not known here. */
  readonly inherited: string;
  readonly hint?: string | undefined;
  readonly disabled?: boolean;
  readonly onChange: (value: unknown) => void;
}

/** Edits one preference of one level. */
export function PreferenceEditor({ preference, value, inherited, hint, disabled = false, onChange }: EditorProps) {
  const label = preferenceLabel(preference.name);
  const inherit = inherited ? t("inherit_value", { value: inherited }) : t("inherit");
  const { kind } = preference;
  if (kind === "text" || kind === "numbers") {
    const isList = kind === "numbers";
    const text = isList ? listOf(value).join(", ") : ((value as string | undefined) ?? "");
    const read = (typed: string): unknown => (isList ? { values: typed.split(/[,;\n]/).map((one) => one.trim()) } : typed);
    return (
      <Field
        label={label}
        value={text}
        hint={[hint, value === undefined && inherit].filter(Boolean).join(" ") || undefined}
        disabled={disabled}
        onChange={(typed) => onChange(typed ? read(typed) : undefined)}
      />
    );
  }
  if (preference.isList) return <Several {...{ preference, value, inherited, hint, disabled, onChange }} />;
  const flags: [string, string][] = [
    ["true", t("yes")],
    ["false", t("no")],
  ];
  const values: [string, string][] =
    kind === "flag" ? flags : members(kind).map(([name, number]) => [String(number), word(preference.name, name)]);
  const read = (chosen: string): unknown => (kind === "flag" ? chosen === "true" : Number(chosen));
  return (
    <Choice
      label={label}
      value={value === undefined ? "" : String(value)}
      choices={[["", inherit], ...values]}
      hint={hint}
      disabled={disabled}
      onChange={(chosen) => onChange(chosen ? read(chosen) : undefined)}
    />
  );
}

/** A list of enum values: inherited, or chosen one by one. */
function Several({ preference, value, inherited, hint, disabled, onChange }: EditorProps) {
  const chosen = listOf(value);
  const flip = (number: number) =>
    onChange({ values: chosen.includes(number) ? chosen.filter((one) => one !== number) : [...chosen, number] });
  return (
    <fieldset class="field" disabled={disabled}>
      <legend>{preferenceLabel(preference.name)}</legend>
      <label>
        <input type="checkbox" checked={value === undefined} onChange={() => onChange(value === undefined ? { values: [] } : undefined)} />
        {inherited ? t("inherit_value", { value: inherited }) : t("inherit")}
      </label>
      {value !== undefined &&
        members(preference.kind as Names).map(([name, number]) => (
          <label key={name}>
            <input type="checkbox" checked={chosen.includes(number)} onChange={() => flip(number)} />
            {word(preference.name, name)}
          </label>
        ))}
      {hint && <small>{hint}</small>}
    </fieldset>
  );
}

/** Values by the contract's names: the changes that a person made, undefined where the level shall inherit. */
export type Edits = Readonly<Record<string, unknown>>;

/** The edits as a message and the mask of its fields. */
export function messageOf(edits: Edits): { values: MessageInitShape<typeof PreferencesSchema>; paths: string[] } {
  const edited = PREFERENCES.filter((preference) => preference.name in edits);
  const values = Object.fromEntries(edited.map((preference) => [preference.key, edits[preference.name]]));
  return { values, paths: edited.map((preference) => preference.name) };
}
