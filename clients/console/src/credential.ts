// What the page's requests carry to say who sends them. It is kept in memory alone.

let headers: Readonly<Record<string, string>> = {};
let onRefused = () => {};

/** The headers of each request: a session's CSRF token beside its cookie, or a frame's embed token. */
export const credential = (): Readonly<Record<string, string>> => headers;

/** Sets the headers, and what happens when the server accepts them no more. */
export function setCredential(chosen: Readonly<Record<string, string>>, refused: () => void): void {
  headers = chosen;
  onRefused = refused;
}

export function credentialRefused(): void {
  onRefused();
}
