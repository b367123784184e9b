import { type WebhookDue, WakeUpKind } from "@valify/contracts";
import type { Database } from "@valify/database";
import {
  createBatcher,
  deliveryIdOf,
  DISPATCHER_ACK_WAIT_MS,
  WEBHOOKS_DEDUPE_WINDOW_MS,
} from "@valify/runtime";
import type { Kysely } from "kysely";

import type { Hold, PullAdmission } from "./admit-pull.ts";
import {
  type ClaimRequest,
  deleteDeliveries,
  findDeliveries,
  recordUnrouted,
  type StoredDelivery,
} from "./delivery-queries.ts";
import { isExclusive } from "./domain/exclusive-wake-up.ts";
import {
  type KnownDelivery,
  NO_ENDPOINT_ID,
  type Route as RouteOf,
  routesOf,
} from "./domain/route-lead.ts";
import { type Grant, grantClaims, type Wanted } from "./grant-claims.ts";
import { type Endpoint, loadEndpoints, loadLeads, type LoadedLead } from "./lead-queries.ts";
import type { DispatcherDatabases } from "./open-databases.ts";
import { findReplayTargets } from "./replay-target-queries.ts";
import { reserveTurns, type Turn, type TurnDeps } from "./reserve-turns.ts";

/** Ours to send, once, until the lease runs out. */
export interface ClaimedDelivery extends ClaimRequest {
  /** When this attempt was due at first: a deferral does not move it. */
  readonly dueSince: string;
  readonly lead: LoadedLead;
  /** Null: it was deleted meanwhile. */
  readonly endpoint: Endpoint | null;
  readonly attempts: number;
  readonly cycleAttempts: number;
  readonly bodySha256: string | null;
  /** Not to be sent now. */
  readonly hold: Hold | null;
  /** The one request that finds out whether its endpoint is back. */
  readonly isProbe: boolean;
  /** How long to wait for its turn, and for what. */
  readonly turn: Turn;
}

/** What to do about one delivery of a wake-up. */
export type Preparation =
  | { readonly kind: "send"; readonly delivery: ClaimedDelivery }
  /** This wake-up's outcome is stored already: only tell it again. */
  | { readonly kind: "repeat"; readonly stored: StoredDelivery }
  | { readonly kind: "superseded" }
  | { readonly kind: "busy"; readonly delayMs: number }
  | { readonly kind: "lead_missing" };

const NO_WAIT: Turn = { waitMs: 0, reason: "rate" };
const NO_ENDPOINT: PullAdmission = { isProbe: false, hold: null };

/** A repeat inside one batch of messages: the first of them decides, this one looks again. */
const REPEAT_DELAY_MS = 1_000;

export interface PrepareDeps extends Pick<DispatcherDatabases, "db">, TurnDeps {
  /** Decides for the endpoints of a pull; the answer is asked for each delivery in turn. */
  readonly admit: (
    endpoints: readonly Endpoint[],
  ) => Promise<(endpoint: Endpoint) => PullAdmission>;
}

type Route = RouteOf<LoadedLead, Endpoint>;

/** A part of what is under work: one group is prepared while others are sent and recorded. */
const PULL_MAX = 128;
const GATHER_MS = 2;
const BROKER_TIMES = {
  dedupeWindowMs: WEBHOOKS_DEDUPE_WINDOW_MS,
  ackWaitMs: DISPATCHER_ACK_WAIT_MS,
};

/** Gathers wake-ups for a moment and prepares them together. */
export function createPreparer(deps: PrepareDeps) {
  const batcher = createBatcher<WakeUp, readonly Preparation[]>({
    itemsMax: PULL_MAX,
    delayMs: GATHER_MS,
    // While one pull is prepared the next gathers: under load batches grow by themselves.
    concurrency: 1,
    run: (wakeUps) => {
      const exclusive = new Set<WebhookDue>();
      const now = deps.now();
      for (const { event, isRedelivered } of wakeUps) {
        if (isExclusive(event, isRedelivered, BROKER_TIMES, now)) exclusive.add(event);
      }
      const events = wakeUps.map(({ event }) => event);
      return prepareDeliveries(deps, events, exclusive);
    },
  });
  return (event: WebhookDue, isRedelivered: boolean) => batcher.add({ event, isRedelivered });
}

interface WakeUp {
  readonly event: WebhookDue;
  readonly isRedelivered: boolean;
}

const NONE: ReadonlySet<WebhookDue> = new Set();

/**
 * Prepares a whole pull: loads, claims and reserves with a handful of statements, however many
 * wake-ups there are. Of the `exclusive` ones only those are claimed that have left a trace already.
 * Returns, for each event in order, what to do about each of its deliveries.
 */
export async function prepareDeliveries(
  deps: PrepareDeps,
  events: readonly WebhookDue[],
  exclusive = NONE,
): Promise<readonly (readonly Preparation[])[]> {
  const { db, claimDb } = deps;
  const known = await findKnown(claimDb, events);
  const { leads, endpoints } = await load(claimDb, events, known);
  const routes = events.map((event) => routesOf(event, known.get(event.id), leads, endpoints));
  await settleUnrouted(db, routes.flat());

  const wanted = new Map<string, Wanted>();
  const preparations = routes.map((ofEvent, index) =>
    ofEvent.flatMap((route) => {
      const event = events[index];
      return event === undefined ? [] : want(wanted, event, exclusive.has(event), route);
    }),
  );
  const claimed = await claim(deps, [...wanted.values()]);
  return preparations.map((ofEvent) =>
    ofEvent.map((entry) =>
      typeof entry === "string" ? (claimed.get(entry) ?? { kind: "superseded" }) : entry,
    ),
  );
}

/** Deliveries that a later wake-up names by their id, those that a replay has yet to make included. */
async function findKnown(
  db: Kysely<Database>,
  events: readonly WebhookDue[],
): Promise<ReadonlyMap<string, KnownDelivery>> {
  const later = events.filter(({ kind }) => kind !== WakeUpKind.first);
  if (later.length === 0) return new Map();
  const known = await findDeliveries(
    db,
    later.map(({ id }) => id),
  );
  const toMake = later.filter(({ kind, id }) => kind === WakeUpKind.recover && !known.has(id));
  if (toMake.length === 0) return known;
  const targets = await findReplayTargets(
    db,
    toMake.map(({ id }) => id),
  );
  return new Map<string, KnownDelivery>([...known, ...targets]);
}

async function load(
  db: Kysely<Database>,
  events: readonly WebhookDue[],
  known: ReadonlyMap<string, KnownDelivery>,
) {
  const leadUuids = events.map(({ id }) => known.get(id)?.leadUuid ?? id);
  const tenantIds = [...new Set(events.map(({ tenant_id: tenantId }) => tenantId))];
  const [leads, endpoints] = await Promise.all([
    loadLeads(db, leadUuids),
    loadEndpoints(db, tenantIds),
  ]);
  return { leads, endpoints: Map.groupBy(endpoints, (endpoint) => endpoint.tenantId) };
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
  event: WebhookDue,
  isSole: boolean,
  route: Route,
): (Preparation | string)[] {
  if (route.kind === "unrouted") return [];
  if (route.kind === "lead_missing") return [route];
  const { endpoint, lead } = route;
  const deliveryId = route.deliveryId ?? deliveryIdOf(lead.leadUuid, route.endpointId);
  // One statement may touch a row once.
  if (wanted.has(deliveryId)) return [{ kind: "busy", delayMs: REPEAT_DELAY_MS }];
  const { leadUuid, tenantId, batchId, round, kind } = route.request;
  const ids = { deliveryId, leadUuid, endpointId: route.endpointId, tenantId, batchId };
  const request = { ...ids, round, kind, dueAt: event.due_at };
  const isOurs = isSole && lead.hasDeliveries === false;
  wanted.set(deliveryId, { request, lead, endpoint, isOurs });
  return [deliveryId];
}

async function claim(
  deps: PrepareDeps,
  wanted: readonly Wanted[],
): Promise<ReadonlyMap<string, Preparation>> {
  if (wanted.length === 0) return new Map();
  const { claimDb } = deps;
  const granted = await grantClaims(claimDb, wanted);
  const mine = await admitted(deps, wanted, granted);
  const turns = await reserveTurns(deps, mine);
  const result = new Map<string, Preparation>();
  for (const delivery of mine) {
    const turn = turns.get(delivery.deliveryId);
    if (turn !== undefined) {
      delivery.turn = turn;
      delivery.hold &&= until(delivery.hold, turn.waitMs, deps.now());
    }
    result.set(delivery.deliveryId, { kind: "send", delivery });
  }
  const refused = wanted.filter(({ request }) => !granted.has(request.deliveryId));
  await explain(claimDb, refused, result);
  return result;
}

/** Its turn is reserved when all of a pull are known. */
type Claimed = ClaimedDelivery & { turn: Turn; hold: Hold | null };

/** What was granted, each with the word of its endpoint. Nobody asks one whose batch is cancelled. */
async function admitted(
  { admit }: PrepareDeps,
  wanted: readonly Wanted[],
  granted: ReadonlyMap<string, Grant>,
): Promise<readonly Claimed[]> {
  const endpoints = new Set(wanted.flatMap(({ endpoint }) => endpoint ?? []));
  const admissionOf = await admit([...endpoints]);
  const claims: Claimed[] = [];
  for (const { request, lead, endpoint } of wanted) {
    const grant = granted.get(request.deliveryId);
    if (grant === undefined) continue;
    const isAsked = endpoint !== null && !lead.cancelled;
    const { isProbe, hold } = isAsked ? admissionOf(endpoint) : NO_ENDPOINT;
    const { attempts, cycleAttempts, bodySha256 } = grant;
    const dueSince = grant.dueSince?.toISOString() ?? request.dueAt;
    const { deliveryId, leadUuid, endpointId, tenantId, batchId, round, kind, dueAt } = request;
    // Field by field, once: at thousands a second, copies of copies are felt.
    claims.push({
      deliveryId,
      leadUuid,
      endpointId,
      tenantId,
      batchId,
      round,
      kind,
      dueAt,
      dueSince,
      lead,
      endpoint,
      attempts,
      cycleAttempts,
      bodySha256,
      isProbe,
      hold,
      turn: NO_WAIT,
    });
  }
  return claims;
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

function until(hold: Hold, waitMs: number, now: Date): Hold {
  if (hold.notBefore === null) return hold;
  return { ...hold, notBefore: new Date(now.getTime() + waitMs) };
}
