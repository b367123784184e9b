/** What one process knows of the requests to one endpoint. */
export interface Occupancy {
  /** The most requests at a time. */
  readonly concurrency: number;
  /** How long a request takes of late; null before the first has ended. */
  readonly typicalMs: number | null;
  /** How long the oldest request under way has been under way; 0 for none. */
  readonly oldestMs: number;
}

/** Before anything is known: the first answers correct it within moments. */
const ASSUMED_MS = 50;
/** A slower request is planned for as one of a second: what hangs now may be quick again soon. */
const PLANNED_MS_MAX = 1_000;

/** How long a request takes now. One that hangs counts for as long as it has hung. */
function requestMs({ typicalMs, oldestMs }: Occupancy): number {
  return Math.max(1, typicalMs ?? ASSUMED_MS, oldestMs);
}

/**
 * How many deliveries may be in the process for an endpoint: those under way, and those that its
 * places will have taken up within `waitMs`. More would only keep others' places occupied.
 */
export function allowance(occupancy: Occupancy, waitMs: number): number {
  const { concurrency } = occupancy;
  return concurrency + Math.floor((concurrency * waitMs) / requestMs(occupancy));
}

/** The rate at which to send back what there is no room for. */
export function pacePerSecond(occupancy: Occupancy): number {
  return (occupancy.concurrency * 1_000) / Math.min(PLANNED_MS_MAX, requestMs(occupancy));
}

const NEW_SHARE = 0.2;

/** A moving average: recent requests count most. */
export function nextTypicalMs(typicalMs: number | null, durationMs: number): number {
  return typicalMs === null ? durationMs : typicalMs + NEW_SHARE * (durationMs - typicalMs);
}
