import { LANE_COUNT } from "./lane.ts";

/** What a claim brought. */
export interface ClaimOutcome {
  readonly tenantIds: readonly string[];
  /** A lane gave all it may, or the claim was at its limit: there can be more. */
  readonly isFull: boolean;
  /** It took as many rows as a claim may take at all. */
  readonly isAtLimit: boolean;
  /**
   * Every row due before this instant is taken, by this claim or another that is under way.
   * Undefined where lanes may have been left out.
   */
  readonly coveredMs: number | undefined;
  /** How far the lane came that is furthest behind and gave all it may; Infinity without one. */
  readonly fullToMs: number;
  /** The least time from the first to the last row of such a lane; Infinity without one. */
  readonly fullSpanMs: number;
}

export interface TakenRow {
  readonly tenantId: string;
  readonly lane: number;
  readonly dueUs: number;
}

/** `coveredMs`: how far the claim looked, which it covered all of unless a lane came back full. */
export function outcomeOf(
  rows: readonly TakenRow[],
  limits: { readonly limit: number; readonly limitPerLane: number },
  lookedToMs: number,
): ClaimOutcome {
  const counts = Array.from({ length: LANE_COUNT }, () => 0);
  const lastMs = Array.from({ length: LANE_COUNT }, () => 0);
  const firstMs = Array.from({ length: LANE_COUNT }, () => Infinity);
  for (const { lane, dueUs } of rows) {
    counts[lane] = (counts[lane] ?? 0) + 1;
    firstMs[lane] = Math.min(firstMs[lane] ?? Infinity, dueUs / 1_000);
    lastMs[lane] = Math.max(lastMs[lane] ?? 0, dueUs / 1_000);
  }
  const isAtLimit = rows.length >= limits.limit;
  const isFullLane = (lane: number) => (counts[lane] ?? 0) >= limits.limitPerLane;
  const fullLanes = lastMs.filter((_, lane) => isFullLane(lane));
  const spans = lastMs.map((last, lane) => last - (firstMs[lane] ?? Infinity));
  const fullToMs = Math.min(Infinity, ...fullLanes);
  const hasSeenAllLanes = !isAtLimit || limits.limitPerLane * LANE_COUNT <= limits.limit;
  return {
    tenantIds: rows.map(({ tenantId }) => tenantId),
    isFull: fullLanes.length > 0 || isAtLimit,
    isAtLimit,
    coveredMs: hasSeenAllLanes ? Math.min(lookedToMs, fullToMs) : undefined,
    fullToMs,
    fullSpanMs: Math.min(Infinity, ...spans.filter((_, lane) => isFullLane(lane))),
  };
}
