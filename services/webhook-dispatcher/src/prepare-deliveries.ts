import { type WebhookDue, WakeUpKind } from "@valify/contracts";
import type { Database } from "@valify/database";
import { createBatcher, deterministicUuid } from "@valify/runtime";
import type { Kysely } from "kysely";

import {
  claimDeliveries,
  type ClaimGrant,
  type ClaimRequest,
  deleteDeliveries,
  findDeliveries,
  recordUnrouted,
  type StoredDelivery,
} from "./delivery-queries.ts";
import { NO_ENDPOINT_ID, type Route as RouteOf, routesOf } from "./domain/route-lead.ts";
import { type Endpoint, loadEndpoints, loadLeads, type LoadedLead } from "./lead-queries.ts";
import type { DispatcherDatabases } from "./open-databases.ts";
import { reserveSlots } from "./slot-queries.ts";

/** Ours to send, once, until the lease runs out. */
export interface ClaimedDelivery extends ClaimRequest {
  readonly dueAt: string;
  readonly lead: LoadedLead;
  /** Null: it was deleted meanwhile. */
  readonly endpoint: Endpoint | null;
  readonly attempts: number;
  readonly cycleAttempts: number;
  /** How long to wait for the slot reserved under the endpoint's rate. */
  readonly slotWaitMs: number;
}

/** What to do about one delivery of a wake-up. */
export type Preparation =
  | { readonly kind: "send"; readonly delivery: ClaimedDelivery }
  /** This wake-up's outcome is stored already: only tell it again. */
  | { readonly kind: "repeat"; readonly stored: StoredDelivery }
  | { readonly kind: "superseded" }
  | { readonly kind: "busy"; readonly delayMs: number }
  | { readonly kind: "lead_missing" };

/** A repeat inside one batch of messages: the first of them decides, this one looks again. */
const REPEAT_DELAY_MS = 1_000;

type PrepareDatabases = Pick<DispatcherDatabases, "db" | "claimDb">;
type Route = RouteOf<LoadedLead, Endpoint>;

const PULL_MAX = 500;
const GATHER_MS = 2;

/** Gathers wake-ups for a moment and prepares them together. */
export function createPreparer(databases: PrepareDatabases, defaultRatePerSecond: number) {
  const batcher = createBatcher<WebhookDue, readonly Preparation[]>({
    itemsMax: PULL_MAX,
    delayMs: GATHER_MS,
    // While one pull is prepared the next gathers: under load batches grow by themselves.
    concurrency: 1,
    run: (events) => prepareDeliveries(databases, defaultRatePerSecond, events),
  });
  return (event: WebhookDue) => batcher.add(event);
}

interface Wanted {
  readonly event: WebhookDue;
  readonly request: ClaimRequest;
  readonly lead: LoadedLead;
  readonly endpoint: Endpoint | null;
}

/**
 * Prepares a whole pull: loads, claims and reserves with a handful of statements, however many
 * wake-ups there are. Returns, for each event in order, what to do about each of its deliveries.
 */
export async function prepareDeliveries(
  { db, claimDb }: PrepareDatabases,
  defaultRatePerSecond: number,
  events: readonly WebhookDue[],
): Promise<readonly (readonly Preparation[])[]> {
  const known = await findKnown(claimDb, events);
  const { leads, endpoints } = await load(claimDb, events, known);
  const routes = events.map((event) => routesOf(event, known.get(event.id), leads, endpoints));
  await settleUnrouted(db, routes.flat());

  const wanted = new Map<string, Wanted>();
  const preparations = routes.map((ofEvent, index) =>
    ofEvent.flatMap((route) => want(wanted, events[index], route)),
  );
  const claimed = await claim(claimDb, [...wanted.values()], defaultRatePerSecond);
  return preparations.map((ofEvent) =>
    ofEvent.map((entry) =>
      typeof entry === "string" ? (claimed.get(entry) ?? { kind: "superseded" }) : entry,
    ),
  );
}

/** Deliveries that a later wake-up names by their id. */
async function findKnown(db: Kysely<Database>, events: readonly WebhookDue[]) {
  const ids = events.filter(({ kind }) => kind !== WakeUpKind.first).map(({ id }) => id);
  return ids.length === 0 ? new Map<string, StoredDelivery>() : findDeliveries(db, ids);
}

async function load(
  db: Kysely<Database>,
  events: readonly WebhookDue[],
  known: ReadonlyMap<string, StoredDelivery>,
) {
  const leadUuids = events.map(({ id }) => known.get(id)?.leadUuid ?? id);
  const tenantIds = [...new Set(events.map(({ tenant_id: tenantId }) => tenantId))];
  const [leads, endpoints] = await Promise.all([
    loadLeads(db, leadUuids),
    loadEndpoints(db, tenantIds),
  ]);
  return { leads, endpoints };
}

async function settleUnrouted(db: Kysely<Database>, routes: readonly Route[]): Promise<void> {
  const unrouted = routes.flatMap((route) => {
    if (route.kind !== "unrouted") return [];
    const { request, state, reason } = route;
    const deliveryId = deliveryIdOf(request.leadUuid, NO_ENDPOINT_ID);
    return [{ ...request, deliveryId, endpointId: NO_ENDPOINT_ID, state, reason }];
  });
  if (unrouted.length > 0) await recordUnrouted(db, unrouted);
  const placeholders = routes.flatMap((route) =>
    route.kind === "deliver" && route.replaces !== null ? [route.replaces] : [],
  );
  if (placeholders.length > 0) await deleteDeliveries(db, placeholders);
}

/** Notes what to claim, and returns its delivery id, or what is decided without a claim. */
function want(
  wanted: Map<string, Wanted>,
  event: WebhookDue | undefined,
  route: Route,
): (Preparation | string)[] {
  if (event === undefined || route.kind === "unrouted") return [];
  if (route.kind === "lead_missing") return [route];
  const { endpoint, lead } = route;
  const deliveryId = route.deliveryId ?? deliveryIdOf(lead.leadUuid, route.endpointId);
  // One statement may touch a row once.
  if (wanted.has(deliveryId)) return [{ kind: "busy", delayMs: REPEAT_DELAY_MS }];
  const request = { ...route.request, deliveryId, endpointId: route.endpointId };
  wanted.set(deliveryId, { event, request, lead, endpoint });
  return [deliveryId];
}

async function claim(
  db: Kysely<Database>,
  wanted: readonly Wanted[],
  defaultRatePerSecond: number,
): Promise<ReadonlyMap<string, Preparation>> {
  if (wanted.length === 0) return new Map();
  const granted = await claimDeliveries(
    db,
    wanted.map(({ request }) => request),
  );
  const mine = wanted.flatMap((entry) => {
    const grant = granted.get(entry.request.deliveryId);
    return grant === undefined ? [] : [{ ...entry, grant }];
  });
  const slots = await reserve(db, mine, defaultRatePerSecond);
  const result = new Map<string, Preparation>();
  for (const { event, request, lead, endpoint, grant } of mine) {
    const { attempts, cycleAttempts } = grant;
    const slotWaitMs = slots.get(request.deliveryId) ?? 0;
    const work = { ...request, dueAt: event.due_at, lead, endpoint, attempts, cycleAttempts };
    result.set(request.deliveryId, { kind: "send", delivery: { ...work, slotWaitMs } });
  }
  const refused = wanted.filter(({ request }) => !granted.has(request.deliveryId));
  await explain(db, refused, result);
  return result;
}

/** One reservation per endpoint and pull; a deferral comes back with its slot already reserved. */
async function reserve(
  db: Kysely<Database>,
  claims: readonly (Wanted & { readonly grant: ClaimGrant })[],
  defaultRatePerSecond: number,
): Promise<ReadonlyMap<string, number>> {
  const queues = new Map<string, { ratePerSecond: number; deliveryIds: string[] }>();
  for (const { request, endpoint, event, lead } of claims) {
    const ratePerSecond = endpoint?.ratePerSecond ?? defaultRatePerSecond;
    const free = endpoint === null || lead.cancelled || ratePerSecond === 0;
    if (free || event.kind === WakeUpKind.deferral) continue;
    const queue = queues.get(request.endpointId) ?? { ratePerSecond, deliveryIds: [] };
    queue.deliveryIds.push(request.deliveryId);
    queues.set(request.endpointId, queue);
  }
  if (queues.size === 0) return new Map();
  const firstSlots = await reserveSlots(
    db,
    [...queues].map(([endpointId, { ratePerSecond, deliveryIds }]) => {
      return { endpointId, ratePerSecond, count: deliveryIds.length };
    }),
  );
  return new Map(
    [...queues].flatMap(([endpointId, { ratePerSecond, deliveryIds }]) =>
      deliveryIds.map((deliveryId, index) => {
        const waitMs = (firstSlots.get(endpointId) ?? 0) + (index * 1_000) / ratePerSecond;
        return [deliveryId, waitMs] as const;
      }),
    ),
  );
}

async function explain(
  db: Kysely<Database>,
  refused: readonly Wanted[],
  result: Map<string, Preparation>,
): Promise<void> {
  if (refused.length === 0) return;
  const stored = await findDeliveries(
    db,
    refused.map(({ request }) => request.deliveryId),
  );
  for (const { request } of refused) {
    const found = stored.get(request.deliveryId);
    result.set(request.deliveryId, reasonOf(request, found));
  }
}

function reasonOf(request: ClaimRequest, stored: StoredDelivery | undefined): Preparation {
  if (stored === undefined) return { kind: "busy", delayMs: REPEAT_DELAY_MS };
  if (stored.state === "sending" && stored.round === request.round) {
    return { kind: "busy", delayMs: Math.max(REPEAT_DELAY_MS, stored.leaseRestMs) };
  }
  return stored.round === request.round ? { kind: "repeat", stored } : { kind: "superseded" };
}

/** The same lead and endpoint always give the same delivery, and so the same `webhook-id`. */
function deliveryIdOf(leadUuid: string, endpointId: string): string {
  return deterministicUuid("delivery", leadUuid, endpointId);
}
