/** Told again after this long. */
export const WINDOW_MS = 3_600_000;
/** Beyond it the one told longest ago is told again. */
export const ENTRIES_MAX = 10_000;

export interface ToldLately {
  has(key: string): boolean;
  add(key: string): void;
}

/** What this process has told within the last hour. `nowMs`: of a clock that never goes back. */
export function createToldLately(nowMs: () => number): ToldLately {
  const toldMs = new Map<string, number>();
  return {
    has(key) {
      const sinceMs = toldMs.get(key);
      return sinceMs !== undefined && nowMs() - sinceMs < WINDOW_MS;
    },
    add(key) {
      // Deleted first, so that the first key is always the one told longest ago.
      toldMs.delete(key);
      toldMs.set(key, nowMs());
      const [oldest] = toldMs.keys();
      if (toldMs.size > ENTRIES_MAX && oldest !== undefined) toldMs.delete(oldest);
    },
  };
}
