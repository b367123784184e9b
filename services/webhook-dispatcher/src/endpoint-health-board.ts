import { createBatcher, type Logger } from "@valify/runtime";

import { type Admission, admitDelivery, sinceActivation } from "./domain/admit-delivery.ts";
import type { EndpointHealth, HealthSignal } from "./domain/endpoint-health.ts";
import { sumOfRecent } from "./domain/recent-counts.ts";
import type { HealthNote, StoredHealth } from "./health-queries.ts";
import { createSuccessTally, type SuccessTally } from "./success-tally.ts";

/** The part of an endpoint that decides whether anything may go there now. */
export interface HealthSubject {
  readonly endpointId: string;
  readonly tenantId: string;
  readonly status: "active" | "paused" | "disabled";
  readonly activatedAt: Date;
  /** As loaded with the endpoint; null: nothing has ever failed. */
  readonly health: StoredHealth | null;
}

export interface HealthBoard {
  /** By what was loaded or noted last, whichever is newer. Costs no statement. */
  admit(endpoint: HealthSubject): Admission;
  health(endpoint: HealthSubject): EndpointHealth | undefined;
  /**
   * Resolves when it is stored, for all dispatchers to see. A success of an endpoint that has no
   * failure to make up for is only counted here: null. Never rejects: what fails here is a count.
   */
  note(endpoint: HealthSubject, signal: HealthSignal): Promise<void> | null;
}

export interface HealthBoardDeps {
  readonly write: (notes: readonly HealthNote[]) => Promise<ReadonlyMap<string, StoredHealth>>;
  readonly now: () => Date;
  readonly log: Logger;
  /** An endpoint has just been disabled. */
  readonly onDisabled: () => void;
}

interface Noted {
  readonly endpoint: HealthSubject;
  readonly signal: HealthSignal;
}

const NOTES_MAX = 500;
const GATHER_MS = 5;
/** Endpoints remembered between pulls; a forgotten one is as it was loaded. */
const REMEMBERED_MAX = 10_000;

export function createHealthBoard({ write, now, log, onDisabled }: HealthBoardDeps): HealthBoard {
  const noted = new Map<string, StoredHealth>();
  const successes = createSuccessTally(REMEMBERED_MAX);
  const batcher = createBatcher<Noted, undefined>({
    itemsMax: NOTES_MAX,
    delayMs: GATHER_MS,
    concurrency: 1,
    run: async (items) => {
      const stored = await write(notesOf(items, successes));
      for (const [endpointId, health] of stored) remember(noted, endpointId, health);
      if ([...stored.values()].some(({ health }) => health.disabledAt !== null)) onDisabled();
      return items.map(() => undefined);
    },
  });

  function healthOf(endpoint: HealthSubject): EndpointHealth | undefined {
    const here = noted.get(endpoint.endpointId);
    const loaded = endpoint.health ?? undefined;
    const newest = (here?.updatedAt ?? NEVER) > (loaded?.updatedAt ?? NEVER) ? here : loaded;
    if (newest === undefined) return undefined;
    return sinceActivation(newest.health, endpoint.activatedAt, newest.updatedAt);
  }

  return {
    health: healthOf,
    admit: (endpoint) => admitDelivery(endpoint, healthOf(endpoint), now()),
    note(endpoint, signal) {
      const { endpointId } = endpoint;
      if (signal.kind === "success" && signal.disable === null) {
        if (isSpotless(healthOf(endpoint), signal.at)) {
          successes.add(endpointId, signal.at);
          return null;
        }
      }
      return batcher.add({ endpoint, signal }).catch((error: unknown) => {
        log.warn({ endpointId, err: error }, "endpoint.health_not_noted");
      });
    },
  };
}

const NEVER = new Date(0);

/** Nothing a success could make good. */
function isSpotless(health: EndpointHealth | undefined, at: Date): boolean {
  if (health === undefined) return true;
  const { state, consecutiveFailures, throttledSince, recent } = health;
  const isCalm = state === "healthy" && consecutiveFailures === 0 && throttledSince === null;
  return isCalm && sumOfRecent(recent, at).failures === 0;
}

function notesOf(items: readonly Noted[], successes: SuccessTally): readonly HealthNote[] {
  const byEndpoint = Map.groupBy(items, ({ endpoint }) => endpoint.endpointId);
  return [...byEndpoint].flatMap(([endpointId, ofEndpoint]) => {
    const [first] = ofEndpoint;
    if (first === undefined) return [];
    const { tenantId, activatedAt } = first.endpoint;
    const signals = ofEndpoint.map(({ signal }) => signal);
    // What comes while it is written is counted anew.
    const counted = successes.take(endpointId);
    return [{ endpointId, tenantId, activatedAt, signals, successes: counted }];
  });
}

/** The longest unchanged makes room. */
function remember<Value>(map: Map<string, Value>, key: string, value: Value): void {
  map.delete(key);
  map.set(key, value);
  const [oldest] = map.keys();
  if (map.size > REMEMBERED_MAX && oldest !== undefined) map.delete(oldest);
}
