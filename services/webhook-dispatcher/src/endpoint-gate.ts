/** Bounds the requests under way to each endpoint in this process. */
export interface EndpointGate {
  /** True: enter, and call `leave` afterwards. False: no place came free within `waitMaxMs`. */
  enter(endpointId: string, concurrency: number, waitMaxMs: number): Promise<boolean>;
  leave(endpointId: string): void;
}

interface Place {
  busy: number;
  /** First come, first served. */
  readonly waiting: Set<() => void>;
}

export function createEndpointGate(): EndpointGate {
  const places = new Map<string, Place>();

  function placeOf(endpointId: string): Place {
    const place = places.get(endpointId) ?? { busy: 0, waiting: new Set() };
    places.set(endpointId, place);
    return place;
  }

  return {
    async enter(endpointId, concurrency, waitMaxMs) {
      const place = placeOf(endpointId);
      if (place.busy < concurrency) {
        place.busy += 1;
        return true;
      }
      return new Promise((resolve) => {
        const admit = () => {
          clearTimeout(timer);
          place.waiting.delete(admit);
          resolve(true); // the place of whoever left is ours: busy stays as it is
        };
        const timer = setTimeout(() => {
          place.waiting.delete(admit);
          resolve(false);
        }, waitMaxMs);
        place.waiting.add(admit);
      });
    },
    leave(endpointId) {
      const place = placeOf(endpointId);
      const [next] = place.waiting;
      if (next !== undefined) {
        next();
        return;
      }
      place.busy -= 1;
      // An endpoint that is idle costs no memory.
      if (place.busy === 0) places.delete(endpointId);
    },
  };
}
