import type { BatchView } from "@valify/contracts/api";

/** Why a stream ends: the batch has ended, this process does, or the stream has grown old. */
export type Goodbye = "finished" | "draining" | "renew";

export type WatchEvent =
  | { readonly kind: "status"; readonly batch: BatchView }
  | { readonly kind: "quiet" }
  | { readonly kind: "bye"; readonly reason: Goodbye }
  | { readonly kind: "closed" };

/** One open stream's view of its batch. It holds the newest state only, so a slow client skips. */
export interface Watch {
  readonly batchId: string;
  /** The next thing to tell; `quiet` where nothing happened for `quietMs`. One caller at a time. */
  next(quietMs: number): Promise<WatchEvent>;
  show(batch: BatchView): void;
  end(reason: Goodbye): void;
  /** The client is gone. */
  close(): void;
}

const ENDED = new Set<BatchView["status"]>(["completed", "failed", "cancelled"]);

/** Begins with `batch`, which the first `next` tells. `onClose` is called once. */
export function createWatch(batch: BatchView, onClose: () => void): Watch {
  let newest = batch;
  let newestText = JSON.stringify(batch);
  let toldText: string | undefined;
  let goodbye: Goodbye | undefined;
  let isClosed = false;
  let wake: (() => void) | undefined;

  function pending(): WatchEvent | undefined {
    if (isClosed) return { kind: "closed" };
    if (newestText !== toldText) {
      toldText = newestText;
      return { kind: "status", batch: newest };
    }
    if (ENDED.has(newest.status)) return { kind: "bye", reason: "finished" };
    return goodbye === undefined ? undefined : { kind: "bye", reason: goodbye };
  }

  return {
    batchId: batch.batch_id,
    async next(quietMs) {
      const ready = pending();
      if (ready !== undefined) return ready;
      const { promise, resolve } = Promise.withResolvers<void>();
      wake = resolve;
      const timer = setTimeout(resolve, quietMs);
      await promise;
      clearTimeout(timer);
      return pending() ?? { kind: "quiet" };
    },
    show(next) {
      newest = next;
      newestText = JSON.stringify(next);
      if (newestText !== toldText) wake?.();
    },
    end(reason) {
      goodbye ??= reason;
      wake?.();
    },
    close() {
      if (isClosed) return;
      isClosed = true;
      onClose();
      wake?.();
    },
  };
}
