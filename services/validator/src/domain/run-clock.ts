/** What the database's clock said at the claim, and when we read it on our monotonic clock. */
export interface ClockReading {
  /** Milliseconds since 1970, by Postgres. */
  readonly databaseMs: number;
  /** Milliseconds, by `performance.now()`, after the answer had arrived. */
  readonly receivedMs: number;
}

/**
 * The database's time now, whole milliseconds since 1970. The scheduler waits by that clock, so a
 * host whose own clock is wrong or jumps neither announces a webhook early nor late.
 */
export function databaseNowMs(reading: ClockReading, monotonicMs: number): number {
  return Math.floor(reading.databaseMs + (monotonicMs - reading.receivedMs));
}
