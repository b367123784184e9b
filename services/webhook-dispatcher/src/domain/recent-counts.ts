/** Attempts of one minute. `minute` counts from 1970. */
export interface MinuteCount {
  readonly minute: number;
  readonly failures: number;
  readonly successes: number;
}

/** How far back the share of failures looks. */
const RECENT_MINUTES = 5;
const MINUTE_MS = 60_000;

/** Adds to the minute of `at` and forgets what is older than five minutes; oldest first. */
export function addToRecent(
  recent: readonly MinuteCount[],
  at: Date,
  added: { readonly failures: number; readonly successes: number },
): readonly MinuteCount[] {
  const minute = Math.floor(at.getTime() / MINUTE_MS);
  const isThis = (count: MinuteCount) => count.minute === minute;
  const { failures = 0, successes = 0 } = recent.find(isThis) ?? {};
  const sum = { failures: failures + added.failures, successes: successes + added.successes };
  const others = recent.filter((count) => !isThis(count) && count.minute > minute - RECENT_MINUTES);
  return [...others, { minute, ...sum }].toSorted((a, b) => a.minute - b.minute);
}

/** Attempts of the last five minutes and how many of them failed. */
export function sumOfRecent(recent: readonly MinuteCount[], at: Date) {
  const minute = Math.floor(at.getTime() / MINUTE_MS);
  let failures = 0;
  let attempts = 0;
  for (const count of recent) {
    if (count.minute <= minute - RECENT_MINUTES) continue;
    failures += count.failures;
    attempts += count.failures + count.successes;
  }
  return { failures, attempts };
}
