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

/** Bounds the requests under way to each endpoint in this process, and who waits for them. */
export interface EndpointGate extends Disposable {
  /** Null: no place came free in time, or the endpoint became too slow for so many to wait. */
  enter(endpointId: string, concurrency: number): Pass | Promise<Pass | null>;
  room(endpointId: string, concurrency: number): EndpointRoom;
}

export interface EndpointGateOptions {
  readonly waitMaxMs: number;
  /** Monotonic milliseconds. */
  readonly now: () => number;
}

interface Waiter {
  readonly sinceMs: number;
  readonly settle: (pass: Pass | null) => void;
}

interface Place {
  concurrency: number;
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
  const { waitMaxMs, now } = options;
  const places = new Map<string, Place>();
  // One timer for all: a timer for each that waits would cost more than the wait. It keeps the
  // process alive only while somebody waits.
  const sweep = setInterval(() => {
    if (!sweepAll(places, now(), waitMaxMs)) sweep.unref();
  }, SWEEP_MS).unref();

  function placeOf(endpointId: string, concurrency: number): Place {
    const place = places.get(endpointId) ?? newPlace(concurrency);
    place.concurrency = concurrency;
    if (places.size >= IDLE_MAX && !places.has(endpointId)) forgetIdle(places);
    places.set(endpointId, place);
    return place;
  }

  function admit(place: Place): Pass {
    const pass: Pass = {
      leave() {
        const startedMs = place.busy.get(pass);
        if (startedMs === undefined) return;
        place.busy.delete(pass);
        place.typicalMs = nextTypicalMs(place.typicalMs, now() - startedMs);
        const [next] = place.waiting;
        if (next === undefined || place.busy.size >= place.concurrency) return;
        place.waiting.delete(next);
        next.settle(admit(place));
      },
    };
    place.busy.set(pass, now());
    return pass;
  }

  return {
    enter(endpointId, concurrency) {
      const place = placeOf(endpointId, concurrency);
      if (place.busy.size < concurrency) return admit(place);
      sweep.ref();
      return new Promise((settle) => place.waiting.add({ sinceMs: now(), settle }));
    },
    room(endpointId, concurrency) {
      const place = placeOf(endpointId, concurrency);
      const occupancy = occupancyOf(place, now());
      const inside = place.busy.size + place.waiting.size;
      return {
        places: Math.max(0, allowance(occupancy, waitMaxMs) - inside),
        pacePerSecond: pacePerSecond(occupancy),
      };
    },
    [Symbol.dispose]: () => clearInterval(sweep),
  };
}

const newPlace = (concurrency: number): Place => ({
  concurrency,
  typicalMs: null,
  busy: new Map(),
  waiting: new Set(),
});

function occupancyOf({ concurrency, typicalMs, busy }: Place, nowMs: number): Occupancy {
  const [oldest] = busy.values();
  return { concurrency, typicalMs, oldestMs: oldest === undefined ? 0 : nowMs - oldest };
}

/**
 * Sends away who waited too long, and the last in line where the line has become too long. Returns
 * whether somebody still waits.
 */
function sweepAll(places: ReadonlyMap<string, Place>, nowMs: number, waitMaxMs: number): boolean {
  let isWaitedFor = false;
  for (const place of places.values()) {
    if (place.waiting.size === 0) continue;
    const inside = allowance(occupancyOf(place, nowMs), waitMaxMs);
    let position = place.busy.size;
    for (const waiter of place.waiting) {
      position += 1;
      if (position <= inside && nowMs - waiter.sinceMs < waitMaxMs) continue;
      place.waiting.delete(waiter);
      waiter.settle(null);
    }
    isWaitedFor ||= place.waiting.size > 0;
  }
  return isWaitedFor;
}

function forgetIdle(places: Map<string, Place>): void {
  for (const [endpointId, { busy, waiting }] of places) {
    if (busy.size === 0 && waiting.size === 0) places.delete(endpointId);
  }
}
