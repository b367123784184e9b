/** One question to the database for its time, and when we asked and heard, on our monotonic clock. */
export interface ClockReading {
  /** Microseconds since 1970, by Postgres. */
  readonly databaseUs: number;
  /** Milliseconds, by `performance.now()`, before the question left. */
  readonly sentMs: number;
  /** After the answer had arrived. */
  readonly receivedMs: number;
}

export interface DatabaseClock {
  /** The earliest that the database's clock can be at this moment of ours, in microseconds. */
  nowUs(monotonicMs: number): number;
  learn(reading: ClockReading): void;
  /** How wrong `nowUs` may be: the true time lies between it and it plus this, in microseconds. */
  errorUs(): number;
}

/** Two clocks of good machines part by less than this: half a millisecond in a second. */
const DRIFT_US_PER_MS = 0.5;

/**
 * Tells the database's time without asking it. The database read its clock before its answer
 * reached us, so every reading is a lower bound of the offset, and the largest one of late is the
 * best; whoever waits for it is never early. It loses half a per mille per millisecond of age, so that
 * a clock that runs slower than ours can't make us early either. A reading below what we took for
 * certain says that the database's clock was set back: then it counts alone. Only the monotonic
 * clock is read here; a host clock that jumps changes nothing.
 */
export function createDatabaseClock(first: ClockReading): DatabaseClock {
  let best = first;

  const offsetUs = ({ databaseUs, receivedMs }: ClockReading, atMs: number) =>
    databaseUs - receivedMs * 1_000 - Math.max(0, atMs - receivedMs) * DRIFT_US_PER_MS;

  return {
    nowUs: (monotonicMs) => monotonicMs * 1_000 + offsetUs(best, monotonicMs),
    learn(reading) {
      const atMs = reading.receivedMs;
      const upperUs = reading.databaseUs - reading.sentMs * 1_000;
      const knownUs = offsetUs(best, atMs);
      if (knownUs > upperUs || offsetUs(reading, atMs) >= knownUs) best = reading;
    },
    errorUs: () => (best.receivedMs - best.sentMs) * 1_000,
  };
}
