// The page's texts in the reader's language.
import { DE } from "./messages/de.ts";
import { EN } from "./messages/en.ts";
import { recall, store } from "./storage.ts";

export type MessageKey = keyof typeof EN;
export type Messages = Record<MessageKey, string>;
export type Language = "en" | "de";

const KEY = "leadline.language";
const LANGUAGES: Record<Language, Messages> = { en: EN, de: DE };

const isLanguage = (text: string): text is Language => text === "en" || text === "de";

function chosen(): Language {
  const stored = recall(KEY);
  if (isLanguage(stored)) return stored;
  return navigator.languages.map((one) => one.slice(0, 2).toLowerCase()).find(isLanguage) ?? "en";
}

const current = chosen();

export const language = (): Language => current;

/** Chooses a language. The page is loaded again, since every text changes. */
export function choose(wanted: Language): void {
  store(KEY, wanted);
  location.reload();
}

/** A text. `{name}` in it becomes the value of that name. */
export function t(key: MessageKey, values: Readonly<Record<string, string | number>> = {}): string {
  return LANGUAGES[current][key].replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
}

/** The text of an enum's value, such as `state.LOGGED`. A value of a newer server is shown as it is. */
export function word(kind: string, name: string | undefined): string {
  const key = `${kind}.${name}`;
  return key in LANGUAGES[current] ? LANGUAGES[current][key as MessageKey] : (name ?? "");
}
