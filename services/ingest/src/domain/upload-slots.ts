export interface UploadSlotsOptions {
  /** Uploads held in memory at the same time. */
  readonly slotsMax: number;
  /** Uploads that may wait for a slot; their bodies stay unread on the socket meanwhile. */
  readonly waitingMax: number;
}

export interface UploadSlots {
  /**
   * Resolves with the function that gives the slot back, or with null where too many wait already
   * or `signal` ends the wait. Calling the function twice does no harm. Tenants take turns.
   */
  take(tenantId: string, signal: AbortSignal): Promise<(() => void) | null>;
}

interface Waiting {
  readonly tenantId: string;
  readonly enter: () => void;
  /** Refuses it after all. */
  readonly refuse: () => void;
}

/** Bounds the memory of uploads: so many at work, so many waiting in turn, the rest refused. */
export function createUploadSlots({ slotsMax, waitingMax }: UploadSlotsOptions): UploadSlots {
  const waiting = new Set<Waiting>(); // insertion order: first come, first served, within a tenant
  const takenBy = new Map<string, number>();
  /** Tenants in the order of their last turn; bounded, since only who waits is looked up. */
  const lastTurns = new Map<string, number>();
  let taken = 0;
  let turns = 0;

  function slot(tenantId: string): () => void {
    taken += 1;
    takenBy.set(tenantId, (takenBy.get(tenantId) ?? 0) + 1);
    lastTurns.set(tenantId, (turns += 1));
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      taken -= 1;
      const rest = (takenBy.get(tenantId) ?? 1) - 1;
      if (rest > 0) takenBy.set(tenantId, rest);
      else takenBy.delete(tenantId);
      nextInTurn()?.enter();
      if (waiting.size === 0) lastTurns.clear();
    };
  }

  /** Of the tenant with the fewest slots; among equals, whose last turn is longest ago. */
  function nextInTurn(): Waiting | undefined {
    let best: Waiting | undefined;
    for (const one of waiting) if (best === undefined || isBefore(one, best)) best = one;
    return best;
  }

  function isBefore(a: Waiting, b: Waiting): boolean {
    const [slotsA, slotsB] = [takenBy.get(a.tenantId) ?? 0, takenBy.get(b.tenantId) ?? 0];
    if (slotsA !== slotsB) return slotsA < slotsB;
    return (lastTurns.get(a.tenantId) ?? 0) < (lastTurns.get(b.tenantId) ?? 0);
  }

  /** Whoever holds more of the waiting places than the newcomer loses the last one. */
  function makeRoom(tenantId: string): boolean {
    const byTenant = Map.groupBy(waiting, (one) => one.tenantId);
    let most: Waiting[] = [];
    for (const places of byTenant.values()) if (places.length > most.length) most = places;
    const own = byTenant.get(tenantId)?.length ?? 0;
    if (most.length <= own + 1) return false;
    most.at(-1)?.refuse();
    return true;
  }

  return {
    async take(tenantId, signal) {
      if (signal.aborted) return null;
      if (taken < slotsMax) return slot(tenantId);
      if (waiting.size >= waitingMax && !makeRoom(tenantId)) return null;
      const { promise, resolve } = Promise.withResolvers<(() => void) | null>();
      const leave = (result: (() => void) | null) => {
        waiting.delete(place);
        signal.removeEventListener("abort", giveUp);
        resolve(result);
      };
      const giveUp = () => leave(null);
      const place = { tenantId, enter: () => leave(slot(tenantId)), refuse: giveUp };
      waiting.add(place);
      signal.addEventListener("abort", giveUp);
      return promise;
    },
  };
}
