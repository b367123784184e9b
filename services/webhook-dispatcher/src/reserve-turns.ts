import { WakeUpKind } from "@valify/contracts";
import type { Database } from "@valify/database";
import type { Kysely } from "kysely";

import type { PullAdmission } from "./admit-pull.ts";
import type { EndpointRoom } from "./endpoint-gate.ts";
import { reserveLaterSlots, reserveSlots } from "./slot-queries.ts";

/** What of a claim decides when its turn is. */
export interface TurnRequest extends PullAdmission {
  readonly deliveryId: string;
  readonly endpointId: string;
  readonly kind: number;
  /** Null, or a batch that was cancelled: nothing will be sent. */
  readonly endpoint: PacedEndpoint | null;
  readonly lead: { readonly cancelled: boolean };
}

interface PacedEndpoint {
  readonly endpointId: string;
  readonly ratePerSecond: number | null;
  readonly concurrency: number | null;
}

export interface TurnDeps {
  readonly claimDb: Kysely<Database>;
  readonly defaultRatePerSecond: number;
  readonly now: () => Date;
  /** What this process can take for an endpoint. */
  readonly roomFor: (endpoint: PacedEndpoint) => EndpointRoom;
}

/** How long a delivery has to wait for its turn, and for what. */
export interface Turn {
  readonly waitMs: number;
  readonly reason: "rate" | "full";
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
/** A wait up to this is spent in the process; a longer one goes back to the scheduler. */
export const WAIT_MAX_MS = 2_000;

/**
 * How long each delivery has to wait for its turn: one reservation per endpoint and pull. A deferral
 * comes back with its slot reserved already, and a probe waits for nobody. What is held comes back
 * at the endpoint's rate once it may; nobody knows when to come back to a paused endpoint. What finds
 * no room in this process comes back at the pace at which its endpoint answers.
 */
export async function reserveTurns(
  deps: TurnDeps,
  claims: readonly TurnRequest[],
): Promise<ReadonlyMap<string, Turn>> {
  const queues: Queues = { now: new Map(), held: new Map(), full: new Map() };
  const turns = new Map<string, Turn>();
  const rooms = new Map<string, { places: number; readonly pacePerSecond: number }>();
  const nowMs = deps.now().getTime();
  for (const claim of claims) {
    const { deliveryId, endpointId, endpoint, lead, hold, isProbe } = claim;
    if (endpoint === null || lead.cancelled || isProbe) continue;
    const ratePerSecond = endpoint.ratePerSecond ?? deps.defaultRatePerSecond;
    if (hold !== null) {
      if (hold.notBefore === null) continue;
      const delayMs = Math.max(0, hold.notBefore.getTime() - nowMs);
      const waitMs = delayMs + Math.random() * SPREAD_MS;
      if (ratePerSecond === 0) turns.set(deliveryId, { waitMs, reason: "rate" });
      else
        queueOf(queues.held, { endpointId, ratePerSecond, delayMs }).deliveryIds.push(deliveryId);
      continue;
    }
    const room = rooms.get(endpointId) ?? { ...deps.roomFor(endpoint) };
    rooms.set(endpointId, room);
    room.places -= 1;
    if (room.places < 0) {
      const { pacePerSecond } = room;
      const pace = ratePerSecond === 0 ? pacePerSecond : Math.min(ratePerSecond, pacePerSecond);
      const queue = { endpointId, ratePerSecond: pace, delayMs: WAIT_MAX_MS };
      queueOf(queues.full, queue).deliveryIds.push(deliveryId);
    } else if (ratePerSecond > 0 && claim.kind !== WakeUpKind.deferral) {
      queueOf(queues.now, { endpointId, ratePerSecond, delayMs: 0 }).deliveryIds.push(deliveryId);
    }
  }
  await reserveAll(deps.claimDb, queues, turns);
  return turns;
}

interface Queues {
  readonly now: Map<string, Queue>;
  readonly held: Map<string, Queue>;
  readonly full: Map<string, Queue>;
}

/** In this order: what is sent away goes behind what is sent. */
async function reserveAll(db: Kysely<Database>, queues: Queues, turns: Map<string, Turn>) {
  const { now, held, full } = queues;
  if (now.size > 0) fill(turns, "rate", now, await reserveSlots(db, requestsOf(now)));
  if (held.size > 0) fill(turns, "rate", held, await reserveLaterSlots(db, requestsOf(held)));
  if (full.size > 0) fill(turns, "full", full, await reserveLaterSlots(db, requestsOf(full)));
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
  turns: Map<string, Turn>,
  reason: Turn["reason"],
  queues: ReadonlyMap<string, Queue>,
  firstSlots: ReadonlyMap<string, number>,
): void {
  for (const [endpointId, { ratePerSecond, deliveryIds }] of queues) {
    const firstMs = firstSlots.get(endpointId) ?? 0;
    for (const [index, deliveryId] of deliveryIds.entries()) {
      turns.set(deliveryId, { waitMs: firstMs + (index * 1_000) / ratePerSecond, reason });
    }
  }
}
