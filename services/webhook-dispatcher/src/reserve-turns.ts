import { WakeUpKind } from "@valify/contracts";
import type { Database } from "@valify/database";
import type { Kysely } from "kysely";

import type { PullAdmission } from "./admit-pull.ts";
import { reserveLaterSlots, reserveSlots } from "./slot-queries.ts";

/** What of a claim decides when its turn is. */
export interface TurnRequest extends PullAdmission {
  readonly request: {
    readonly deliveryId: string;
    readonly endpointId: string;
    readonly kind: number;
  };
  /** Null, or a batch that was cancelled: nothing will be sent. */
  readonly endpoint: { readonly ratePerSecond: number | null } | null;
  readonly lead: { readonly cancelled: boolean };
}

export interface TurnDeps {
  readonly claimDb: Kysely<Database>;
  readonly defaultRatePerSecond: number;
  readonly now: () => Date;
}

interface Queue {
  readonly endpointId: string;
  readonly ratePerSecond: number;
  readonly deliveryIds: string[];
  /** Until what they are held for is over; 0 for what goes out now. */
  readonly delayMs: number;
}

/** Held for an endpoint without a rate: they come back within this time, not all at once. */
const SPREAD_MS = 2_000;

/**
 * How long each delivery has to wait for its turn: one reservation per endpoint and pull. A deferral
 * comes back with its slot reserved already, and a probe waits for nobody. What is held comes back
 * at the endpoint's rate once it may; nobody knows when to come back to a paused endpoint.
 */
export async function reserveTurns(
  { claimDb, defaultRatePerSecond, now: clock }: TurnDeps,
  claims: readonly TurnRequest[],
): Promise<ReadonlyMap<string, number>> {
  const now = new Map<string, Queue>();
  const later = new Map<string, Queue>();
  const waits = new Map<string, number>();
  const nowMs = clock().getTime();
  for (const { request, endpoint, lead, hold, isProbe } of claims) {
    if (endpoint === null || lead.cancelled || isProbe) continue;
    const ratePerSecond = endpoint.ratePerSecond ?? defaultRatePerSecond;
    const { deliveryId, endpointId } = request;
    if (hold !== null) {
      if (hold.notBefore === null) continue;
      const delayMs = Math.max(0, hold.notBefore.getTime() - nowMs);
      if (ratePerSecond === 0) waits.set(deliveryId, delayMs + Math.random() * SPREAD_MS);
      else queueOf(later, { endpointId, ratePerSecond, delayMs }).deliveryIds.push(deliveryId);
    } else if (ratePerSecond > 0 && request.kind !== WakeUpKind.deferral) {
      queueOf(now, { endpointId, ratePerSecond, delayMs: 0 }).deliveryIds.push(deliveryId);
    }
  }
  if (now.size > 0) fill(waits, now, await reserveSlots(claimDb, requestsOf(now)));
  if (later.size > 0) fill(waits, later, await reserveLaterSlots(claimDb, requestsOf(later)));
  return waits;
}

function queueOf(queues: Map<string, Queue>, queue: Omit<Queue, "deliveryIds">): Queue {
  const known = queues.get(queue.endpointId) ?? { ...queue, deliveryIds: [] };
  queues.set(queue.endpointId, known);
  return known;
}

function requestsOf(queues: ReadonlyMap<string, Queue>) {
  return [...queues.values()].map(({ endpointId, ratePerSecond, deliveryIds, delayMs }) => {
    return { endpointId, ratePerSecond, delayMs, count: deliveryIds.length };
  });
}

function fill(
  waits: Map<string, number>,
  queues: ReadonlyMap<string, Queue>,
  firstSlots: ReadonlyMap<string, number>,
): void {
  for (const [endpointId, { ratePerSecond, deliveryIds }] of queues) {
    const firstMs = firstSlots.get(endpointId) ?? 0;
    for (const [index, deliveryId] of deliveryIds.entries()) {
      waits.set(deliveryId, firstMs + (index * 1_000) / ratePerSecond);
    }
  }
}
