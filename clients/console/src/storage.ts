// What this browser remembers. A browser may forbid it, above all in frames: then nothing is remembered.

export function recall(key: string): string {
  try {
    return localStorage.getItem(key) ?? "";
  } catch {
    return "";
  }
}

/** Remembers a text; an empty one is forgotten. */
export function store(key: string, text: string): void {
  try {
    if (text) localStorage.setItem(key, text);
    else localStorage.removeItem(key);
  } catch {
    // the answer is asked for again next time
  }
}
