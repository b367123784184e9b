export interface BatcherOptions<Item, Result> {
  readonly itemsMax: number;
  /** How long the first item of a batch may wait for company. */
  readonly delayMs: number;
  /** Batches at work at the same time; further items wait in the next batch. */
  readonly concurrency: number;
  /**
   * One result per item, in the items' order. A rejection fails every item of the batch. A result
   * that is a promise is waited for by its item alone: the next batch begins without it.
   */
  readonly run: (items: readonly Item[]) => Promise<readonly (Result | Promise<Result>)[]>;
}

export interface Batcher<Item, Result> {
  /** Resolves with this item's result when its batch is done. */
  add(item: Item): Promise<Result>;
}

interface Waiting<Item, Result> {
  readonly item: Item;
  readonly resolve: (result: Result | Promise<Result>) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Turns single calls into batches: one statement or one commit for many callers. The callers bound
 * how much can wait: each holds one item until its result is there.
 */
export function createBatcher<Item, Result>(
  options: BatcherOptions<Item, Result>,
): Batcher<Item, Result> {
  let waiting: Waiting<Item, Result>[] = [];
  let running = 0;
  let timer: NodeJS.Timeout | undefined;

  function flushIfPossible(): void {
    clearTimeout(timer);
    timer = undefined;
    while (waiting.length > 0 && running < options.concurrency) {
      const batch = waiting.splice(0, options.itemsMax);
      running += 1;
      void settle(batch).finally(() => {
        running -= 1;
        // Whatever came meanwhile has waited long enough.
        flushIfPossible();
      });
    }
  }

  async function settle(batch: readonly Waiting<Item, Result>[]): Promise<void> {
    try {
      const results = await options.run(batch.map(({ item }) => item));
      for (const [index, result] of results.entries()) batch[index]?.resolve(result);
      if (results.length < batch.length) throw new Error("a batch returned too few results");
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
  }

  return {
    add(item) {
      return new Promise((resolve, reject) => {
        waiting.push({ item, resolve, reject });
        if (waiting.length >= options.itemsMax) flushIfPossible();
        else timer ??= setTimeout(flushIfPossible, options.delayMs);
      });
    },
  };
}
