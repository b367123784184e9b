import type { MinuteCount } from "./domain/recent-counts.ts";

/** Successes that nobody has to be told of yet, by endpoint and minute. */
export interface SuccessTally {
  add(endpointId: string, at: Date): void;
  /** Counts from zero afterwards; oldest minute first. */
  take(endpointId: string): readonly MinuteCount[];
}

const MINUTE_MS = 60_000;
/** The share of failures looks back five minutes. */
const MINUTES_MAX = 5;

/** Counts in place: it runs for every webhook delivered. Of all endpoints the oldest makes room. */
export function createSuccessTally(endpointsMax: number): SuccessTally {
  const byEndpoint = new Map<string, Map<number, number>>();

  function minutesOf(endpointId: string): Map<number, number> {
    const known = byEndpoint.get(endpointId);
    if (known !== undefined) return known;
    const minutes = new Map<number, number>();
    byEndpoint.set(endpointId, minutes);
    dropOldest(byEndpoint, endpointsMax);
    return minutes;
  }

  return {
    add(endpointId, at) {
      const minutes = minutesOf(endpointId);
      const minute = Math.floor(at.getTime() / MINUTE_MS);
      minutes.set(minute, (minutes.get(minute) ?? 0) + 1);
      dropOldest(minutes, MINUTES_MAX);
    },
    take(endpointId) {
      const minutes = byEndpoint.get(endpointId) ?? [];
      byEndpoint.delete(endpointId);
      return [...minutes].map(([minute, successes]) => ({ minute, successes, failures: 0 }));
    },
  };
}

function dropOldest<Key>(map: Map<Key, unknown>, sizeMax: number): void {
  if (map.size <= sizeMax) return;
  for (const oldest of map.keys()) {
    map.delete(oldest);
    return;
  }
}
