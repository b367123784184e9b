const JITTER_SHARE = 0.2;

/**
 * When to try again after the `attempt`-th attempt (from 1) of a cycle failed. `delaysMs` holds
 * one delay per retry; `random` is in [0, 1). Null: no retry is left.
 */
export function nextAttemptAt(
  failedAt: Date,
  attempt: number,
  delaysMs: readonly number[],
  random: number,
): Date | null {
  const delayMs = delaysMs[attempt - 1];
  if (delayMs === undefined) return null;
  const jitter = 1 + JITTER_SHARE * (2 * random - 1);
  return new Date(failedAt.getTime() + delayMs * jitter);
}
