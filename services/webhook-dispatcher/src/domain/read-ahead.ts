/** How many wake-ups a process takes in. */
export interface ReadAhead {
  /** Something was sent back to wait for its turn: there may be many more like it. */
  noteDeferral(): void;
  wakeUpsMax(): number;
}

export interface ReadAheadOptions {
  /** Monotonic milliseconds. */
  readonly now: () => number;
  /** Under work at the same time. */
  readonly atOnceMax: number;
}

/** A full file that falls due at one instant. */
const HERD = 10_000;
/** Longer than a pull takes: while a herd passes, its next deferral is never this far off. */
const CALM_MS = 5_000;
/** So many without a calm between them are a herd; fewer are an endpoint that was slow for a moment. */
const DEFERRALS_MIN = 200;

/**
 * As many as it works on, since a process that dies keeps what it has taken in until the ack wait
 * ends. But while an endpoint sends its herd back to wait, a herd's length more: those behind it
 * are reached, and begin in their tenant's turn.
 */
export function createReadAhead({ now, atOnceMax }: ReadAheadOptions): ReadAhead {
  let deferredMs = Number.NEGATIVE_INFINITY;
  let deferrals = 0;
  const isCalm = () => now() - deferredMs >= CALM_MS;
  return {
    noteDeferral() {
      deferrals = isCalm() ? 1 : deferrals + 1;
      deferredMs = now();
    },
    wakeUpsMax: () => (!isCalm() && deferrals >= DEFERRALS_MIN ? atOnceMax + HERD : atOnceMax),
  };
}
