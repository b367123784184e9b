const MINUTE_MS = 60_000;
/** A resolver that answers for others all this while is well; the name is not. */
const GRACE_MS = 2 * MINUTE_MS;
/** Nobody waits for ever: after this it is an attempt like any other, whoever is to blame. */
const CAP_MS = 6 * 60 * MINUTE_MS;

export interface NameFacts {
  readonly nowMs: number;
  /** The first look-up without an answer since the last with one. */
  readonly failingSinceMs: number;
  /** When any name was last resolved here; null: none ever was. */
  readonly lastResolvedMs: number | null;
}

/**
 * Whose fault it is that a name server gave no answer about a name, neither an address nor that there
 * is none. Looking up the others tells: if none of them has been resolved since this one began to
 * fail, it is our resolver. An hour without it must cost nobody an attempt, so the cap is longer.
 */
export function blameForSilence(facts: NameFacts): "ours" | "theirs" {
  const { nowMs, failingSinceMs, lastResolvedMs } = facts;
  if (nowMs - failingSinceMs >= CAP_MS) return "theirs";
  if (lastResolvedMs === null) return "ours";
  return lastResolvedMs - failingSinceMs >= GRACE_MS ? "theirs" : "ours";
}
