import { allowance, nextTypicalMs, type Occupancy, pacePerSecond } from "./domain/endpoint-pace.ts";

/** The right to send one request; leave when it has ended. */
export interface Pass {
  leave(): void;
}

/** How much more an endpoint can take of this process. */
export interface EndpointRoom {
  /** Further deliveries that would get their turn within the longest wait. */
  readonly places: number;
  /** The rate at which to send back what finds none. */
  readonly pacePerSecond: number;
}

/**
 * Bounds the requests under way to each endpoint in this process, and who waits for them. `limit`: the
 * endpoint's own, for all replicas together; null: it set none.
 */
export interface EndpointGate extends Disposable {
  /** Null: no place came free in time, or the endpoint became too slow for so many to wait. */
  enter(endpointId: string, limit: number | null): Pass | Promise<Pass | null>;
  room(endpointId: string, limit: number | null): EndpointRoom;
}

export interface EndpointGateOptions {
  readonly waitMaxMs: number;
  /** Places of this process at an endpoint without a limit of its own. */
  readonly placesByDefault: number;
  /** This process's part of an endpoint's own limit. Asked for every request: it changes at any time. */
  readonly shareOf: (limit: number) => number;
  /** Monotonic milliseconds. */
  readonly now: () => number;
}

interface Waiter {
  readonly sinceMs: number;
  readonly settle: (pass: Pass | null) => void;
}

interface Place {
  limit: number | null;
  typicalMs: number | null;
  /** When each request under way began, the oldest first. */
  readonly busy: Map<Pass, number>;
  /** First come, first served. */
  readonly waiting: Set<Waiter>;
}

/** Often enough that an endpoint that begins to hang gives back what waits for it within a second. */
const SWEEP_MS = 100;
/** Endpoints remembered while nothing is sent to them. */
const IDLE_MAX = 1_000;

export function createEndpointGate(options: EndpointGateOptions): EndpointGate {
  const { waitMaxMs, placesByDefault, now } = options;
  const places = new Map<string, Place>();
  // One timer for all: a timer for each that waits would cost more than the wait. It keeps the
  // process alive only while somebody waits.
  const sweep = setInterval(() => {
    if (!sweepAll(places, options)) sweep.unref();
  }, SWEEP_MS).unref();

  function placeOf(endpointId: string, limit: number | null): Place {
    const place = places.get(endpointId) ?? newPlace();
    place.limit = limit;
    if (places.size >= IDLE_MAX && !places.has(endpointId)) forgetIdle(places);
    places.set(endpointId, place);
    return place;
  }

  return {
    enter(endpointId, limit) {
      const place = placeOf(endpointId, limit);
      if (place.busy.size < placesAt(place, options)) return admit(place, options);
      sweep.ref();
      return new Promise((settle) => place.waiting.add({ sinceMs: now(), settle }));
    },
    room(endpointId, limit) {
      const place = placeOf(endpointId, limit);
      const occupancy = occupancyOf(place, options);
      const inside = place.busy.size + place.waiting.size;
      // All replicas share its slots: what is sent back comes to any of them, at the pace of all.
      const ofAll = { ...occupancy, concurrency: limit ?? placesByDefault };
      return {
        places: Math.max(0, allowance(occupancy, waitMaxMs) - inside),
        pacePerSecond: pacePerSecond(ofAll),
      };
    },
    [Symbol.dispose]: () => clearInterval(sweep),
  };
}

const newPlace = (): Place => ({
  limit: null,
  typicalMs: null,
  busy: new Map(),
  waiting: new Set(),
});

/** Of this process, now. */
function placesAt({ limit }: Place, { placesByDefault, shareOf }: EndpointGateOptions): number {
  return limit === null ? placesByDefault : shareOf(limit);
}

function occupancyOf(place: Place, options: EndpointGateOptions): Occupancy {
  const { typicalMs, busy } = place;
  const [oldest] = busy.values();
  const oldestMs = oldest === undefined ? 0 : options.now() - oldest;
  return { concurrency: placesAt(place, options), typicalMs, oldestMs };
}

function admit(place: Place, options: EndpointGateOptions): Pass {
  const { now } = options;
  const pass: Pass = {
    leave() {
      const startedMs = place.busy.get(pass);
      if (startedMs === undefined) return;
      place.busy.delete(pass);
      place.typicalMs = nextTypicalMs(place.typicalMs, now() - startedMs);
      if (place.waiting.size > 0) admitWaiting(place, options);
    },
  };
  place.busy.set(pass, now());
  return pass;
}

function admitWaiting(place: Place, options: EndpointGateOptions): void {
  for (const next of place.waiting) {
    if (place.busy.size >= placesAt(place, options)) return;
    place.waiting.delete(next);
    next.settle(admit(place, options));
  }
}

/** Returns whether somebody still waits. */
function sweepAll(places: ReadonlyMap<string, Place>, options: EndpointGateOptions): boolean {
  const { waitMaxMs, now } = options;
  let isWaitedFor = false;
  for (const place of places.values()) {
    if (place.waiting.size === 0) continue;
    admitWaiting(place, options); // this process's share may have grown
    sendAway(place, allowance(occupancyOf(place, options), waitMaxMs), now() - waitMaxMs);
    isWaitedFor ||= place.waiting.size > 0;
  }
  return isWaitedFor;
}

/** Who has waited since `longestSinceMs` or longer, and the end of a line that has become too long. */
function sendAway({ busy, waiting }: Place, inside: number, longestSinceMs: number): void {
  let position = busy.size;
  for (const waiter of waiting) {
    position += 1;
    if (position <= inside && waiter.sinceMs > longestSinceMs) continue;
    waiting.delete(waiter);
    waiter.settle(null);
  }
}

function forgetIdle(places: Map<string, Place>): void {
  for (const [endpointId, { busy, waiting }] of places) {
    if (busy.size === 0 && waiting.size === 0) places.delete(endpointId);
  }
}
