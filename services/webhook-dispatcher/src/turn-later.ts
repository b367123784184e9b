import { createBatcher } from "@valify/runtime";

import type { Endpoint } from "./lead-queries.ts";
import { type TurnDeps, WAIT_MAX_MS } from "./reserve-turns.ts";
import { reserveLaterSlots } from "./slot-queries.ts";

const ENDPOINTS_MAX = 500;
const GATHER_MS = 5;

/**
 * Slots for deliveries that found no place in time, at the pace at which their endpoint answers: an
 * endpoint that begins to hang sends hundreds away at once, which is one statement.
 */
export function createLaterTurns({ claimDb, defaultRatePerSecond, roomFor }: TurnDeps) {
  const batcher = createBatcher<Endpoint, number>({
    itemsMax: ENDPOINTS_MAX,
    delayMs: GATHER_MS,
    concurrency: 1,
    run: async (endpoints) => {
      const counts = new Map<string, { count: number; ratePerSecond: number }>();
      const positions = endpoints.map((endpoint) => {
        const { endpointId } = endpoint;
        const known = counts.get(endpointId);
        const { count, ratePerSecond } = known ?? { count: 0, ratePerSecond: rateOf(endpoint) };
        counts.set(endpointId, { count: count + 1, ratePerSecond });
        return { endpointId, count, ratePerSecond };
      });
      const requests = [...counts].map(([endpointId, { count, ratePerSecond }]) => {
        return { endpointId, count, ratePerSecond, delayMs: WAIT_MAX_MS };
      });
      const firstMs = await reserveLaterSlots(claimDb, requests);
      return positions.map(
        ({ endpointId, count, ratePerSecond }) =>
          (firstMs.get(endpointId) ?? WAIT_MAX_MS) + (count * 1_000) / ratePerSecond,
      );
    },
  });

  function rateOf(endpoint: Endpoint): number {
    const { pacePerSecond } = roomFor(endpoint);
    const ratePerSecond = endpoint.ratePerSecond ?? defaultRatePerSecond;
    return ratePerSecond === 0 ? pacePerSecond : Math.min(ratePerSecond, pacePerSecond);
  }

  return async (endpoint: Endpoint): Promise<number> => batcher.add(endpoint);
}
