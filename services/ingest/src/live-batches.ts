import { uuidOfBatchId } from "@valify/contracts";
import type { BatchView } from "@valify/contracts/api";
import type { Logger } from "@valify/runtime";

import { createWatch, type Watch } from "./live-watch.ts";

export interface LiveBatchesDeps {
  /** All watched batches in one query. */
  readonly findBatches: (batchUuids: readonly string[]) => Promise<readonly BatchView[]>;
  readonly log: Logger;
  readonly watchesMax: number;
  readonly pollMs?: number;
}

export interface LiveBatches {
  /** Null where too many watch already. Close the watch when its client is gone. */
  watch(batch: BatchView): Watch | null;
  /** Every watch says goodbye, and no new one begins. */
  drain(): void;
  /** How many are open, for a metric and for tests. */
  readonly count: number;
}

/** Twice a client's notion of immediate; four queries a second for however many watch. */
const POLL_MS = 250;
/** A database that is away is asked less often. */
const FAILURE_SLOWDOWN = 8;

/** One poller for all open streams of the process. It rests while nobody watches. */
export function createLiveBatches(deps: LiveBatchesDeps): LiveBatches {
  const { findBatches, log, watchesMax, pollMs = POLL_MS } = deps;
  const watches = new Set<Watch>();
  let isDraining = false;
  let isPolling = false;
  let timer: NodeJS.Timeout | undefined;

  function pollIn(delayMs: number): void {
    if (watches.size === 0 || timer !== undefined || isPolling) return;
    timer = setTimeout(() => void poll(), delayMs);
  }

  async function poll(): Promise<void> {
    timer = undefined;
    isPolling = true;
    let delayMs = pollMs;
    try {
      const ids = new Set([...watches].map(({ batchId }) => uuidOfBatchId(batchId)));
      const batches = await findBatches([...ids]);
      const byId = new Map(batches.map((batch) => [batch.batch_id, batch]));
      for (const watch of watches) {
        const batch = byId.get(watch.batchId);
        if (batch !== undefined) watch.show(batch);
      }
    } catch (error) {
      // The streams stay open: a client sees nothing but a pause.
      log.warn({ err: error }, "live.poll_failed");
      delayMs = pollMs * FAILURE_SLOWDOWN;
    }
    isPolling = false;
    pollIn(delayMs);
  }

  return {
    watch(batch) {
      if (isDraining || watches.size >= watchesMax) return null;
      const watch = createWatch(batch, () => {
        watches.delete(watch);
        if (watches.size > 0) return;
        clearTimeout(timer);
        timer = undefined;
      });
      watches.add(watch);
      pollIn(pollMs);
      return watch;
    },
    drain() {
      isDraining = true;
      for (const watch of watches) watch.end("draining");
    },
    get count() {
      return watches.size;
    },
  };
}
