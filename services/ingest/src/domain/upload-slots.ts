export interface UploadSlotsOptions {
  /** Uploads held in memory at the same time. */
  readonly slotsMax: number;
  /** Uploads that may wait for a slot; their bodies stay unread on the socket meanwhile. */
  readonly waitingMax: number;
}

export interface UploadSlots {
  /**
   * Resolves with the function that gives the slot back, or with null where too many wait already
   * or `signal` ends the wait. Calling the function twice does no harm.
   */
  take(signal: AbortSignal): Promise<(() => void) | null>;
}

/** Bounds the memory of uploads: so many at work, so many waiting in order, the rest refused. */
export function createUploadSlots({ slotsMax, waitingMax }: UploadSlotsOptions): UploadSlots {
  const waiting = new Set<() => void>(); // insertion order: first come, first served
  let taken = 0;

  function slot(): () => void {
    taken += 1;
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      taken -= 1;
      const [next] = waiting;
      next?.();
    };
  }

  return {
    async take(signal) {
      if (signal.aborted) return null;
      if (taken < slotsMax) return slot();
      if (waiting.size >= waitingMax) return null;
      const { promise, resolve } = Promise.withResolvers<(() => void) | null>();
      const leave = (result: (() => void) | null) => {
        waiting.delete(enter);
        signal.removeEventListener("abort", giveUp);
        resolve(result);
      };
      const enter = () => leave(slot());
      const giveUp = () => leave(null);
      waiting.add(enter);
      signal.addEventListener("abort", giveUp);
      return promise;
    },
  };
}
