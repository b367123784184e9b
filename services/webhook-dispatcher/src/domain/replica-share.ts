/** The dispatchers at work, as one of them saw them last. */
export interface Replicas {
  /** This one included. */
  readonly live: number;
  /** From 0: how many of them come before this one. */
  readonly rank: number;
}

/**
 * What one replica may take of a limit that all share: the same for each, and one more for the first
 * few where it does not come out even. At least 1, or an endpoint with a limit below the number of
 * replicas would never hear from some of them. Null, and so 1, for whoever has not been seen by the
 * others yet: they still divide the whole among themselves.
 */
export function shareOf(limit: number, replicas: Replicas | null): number {
  if (replicas === null) return 1;
  return Math.max(1, Math.ceil((limit - replicas.rank) / replicas.live));
}
