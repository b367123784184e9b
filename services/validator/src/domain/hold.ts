const DELAY_MIN_MS = 10_000;
const DELAY_MAX_MS = 10 * 60_000;
/** A batch that is looked at after every fifth of its age is looked at some sixty times until here. */
const AGE_SHARE = 5;
const HOLD_MAX_MS = 6 * 60 * 60_000;

/** When to ask again for a batch that waits for the external validator; null: it has waited enough. */
export function holdDelayMs(uploadedAt: Date, nowMs: number): number | null {
  const ageMs = nowMs - uploadedAt.getTime();
  if (ageMs > HOLD_MAX_MS) return null;
  return Math.min(DELAY_MAX_MS, Math.max(DELAY_MIN_MS, Math.round(ageMs / AGE_SHARE)));
}
