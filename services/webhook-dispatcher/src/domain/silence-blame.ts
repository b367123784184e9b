const MINUTE_MS = 60_000;
/** A way to others that works all this while is well; this one is not. */
const GRACE_MS = 2 * MINUTE_MS;
/** Nobody waits for ever: after this it is an attempt like any other, whoever is to blame. */
const CAP_MS = 6 * 60 * MINUTE_MS;

export interface SilenceFacts {
  readonly nowMs: number;
  /** The first time without an answer since the last with one. */
  readonly failingSinceMs: number;
  /** When anything was last answered for here; null: nothing ever was. */
  readonly lastAnsweredMs: number | null;
}

/**
 * Whose fault it is that a name server gave no answer about a name, neither an address nor that there
 * is none, or that a proxy gave no way to an address. The others tell: if none of them has been
 * answered for since this one began to fail, it is our resolver, or our proxy. An hour without it must
 * cost nobody an attempt, so the cap is longer.
 */
export function blameForSilence(facts: SilenceFacts): "ours" | "theirs" {
  const { nowMs, failingSinceMs, lastAnsweredMs } = facts;
  if (nowMs - failingSinceMs >= CAP_MS) return "theirs";
  if (lastAnsweredMs === null) return "ours";
  return lastAnsweredMs - failingSinceMs >= GRACE_MS ? "theirs" : "ours";
}
