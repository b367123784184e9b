import { DAY_MS, DUE_DAYS, DUE_HOURS, HOUR_MS, type Leaf, leafOf } from "./leaf.ts";

/** Hours are made this far ahead, so that the usual delay of a day never waits for a leaf. */
export const HOURS_AHEAD_MS = 48 * HOUR_MS;
/** Delays reach a year; the rest is room for retries and replays. */
export const DUE_AHEAD_MAX_MS = 400 * DAY_MS;

/**
 * The leaf for a row due at this instant: the one that covers it, else an hour if it comes within
 * 48 h, else a day. So there are never more than some 72 hours and 400 days, however many different
 * instants rows are due at. A day that has some of its hours already gets hours only, since leaves
 * must not overlap; a day made for a few far rows serves all of its day when it comes.
 */
export function dueLeafFor(instantMs: number, nowMs: number, existing: readonly Leaf[]): Leaf {
  const covering = existing.find((leaf) => touches(leaf, instantMs, instantMs));
  if (covering !== undefined) return covering;
  if (instantMs < nowMs + HOURS_AHEAD_MS) return leafOf(DUE_HOURS, instantMs);
  const day = leafOf(DUE_DAYS, instantMs);
  const isTaken = existing.some((leaf) => touches(leaf, day.from.getTime(), day.to.getTime() - 1));
  return isTaken ? leafOf(DUE_HOURS, instantMs) : day;
}

/** Whether the leaf holds any instant of [fromMs, toMs]. */
export function touches(leaf: Leaf, fromMs: number, toMs: number): boolean {
  return leaf.from.getTime() <= toMs && leaf.to.getTime() > fromMs;
}
