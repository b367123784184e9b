/** What the database's clock said, and when we read it on our monotonic clock. */
export interface ClockReading {
  /** Microseconds since 1970, by Postgres. */
  readonly databaseUs: number;
  /** Milliseconds, by `performance.now()`, after the answer had arrived. */
  readonly receivedMs: number;
}

/**
 * The earliest that the database's clock can be now, in microseconds. The answer took its time to
 * reach us, so the true value is never lower: whoever waits for this one is never early. Only the
 * monotonic clock is read here; a host clock that jumps changes nothing.
 */
export function databaseNowUs(reading: ClockReading, monotonicMs: number): number {
  return reading.databaseUs + (monotonicMs - reading.receivedMs) * 1_000;
}
