/** So young, they are answered as they are: however many ask, a batch is counted once in this time. */
export const FRESH_MS = 1_000;
/** So old, they are still answered, and counted anew meanwhile: who polls never waits for a count. */
export const STALE_MS = 3_000;
/** Batches looked at lately; beyond it the one counted longest ago is counted again when asked for. */
export const ENTRIES_MAX = 1_000;

export interface RecentCountsDeps<Counts> {
  readonly count: (tenantId: string, batchUuid: string) => Promise<Counts>;
  /** Milliseconds of a clock that never goes back. */
  readonly nowMs: () => number;
}

export interface RecentCounts<Counts> {
  /** As of at most `STALE_MS` ago, or of the beginning of the count that had to be waited for. */
  of(tenantId: string, batchUuid: string): Promise<Counts>;
  /** After a change: whoever asks next sees it. */
  forget(tenantId: string, batchUuid: string): void;
}

interface Counted<Counts> {
  readonly counts: Counts;
  readonly sinceMs: number;
}

/**
 * Counts over a whole batch, which cost more than the page they stand on, kept for a moment in this
 * process. One count of a batch is under way at a time, and everybody who needs it waits for that one.
 */
export function createRecentCounts<Counts>(deps: RecentCountsDeps<Counts>): RecentCounts<Counts> {
  const { count, nowMs } = deps;
  const counted = new Map<string, Counted<Counts>>();
  const underWay = new Map<string, Promise<Counts>>();

  function keep(key: string, value: Counted<Counts>): void {
    // Deleted first, so that the first key is always the one counted longest ago.
    counted.delete(key);
    counted.set(key, value);
    const [oldest] = counted.keys();
    if (counted.size > ENTRIES_MAX && oldest !== undefined) counted.delete(oldest);
  }

  async function countAnew(key: string, tenantId: string, batchUuid: string): Promise<Counts> {
    const sinceMs = nowMs();
    const counting = count(tenantId, batchUuid);
    underWay.set(key, counting);
    // Forgotten meanwhile, it may have begun before the change: its callers get it, nobody later.
    const isWanted = () => underWay.get(key) === counting;
    try {
      const counts = await counting;
      if (isWanted()) keep(key, { counts, sinceMs });
      return counts;
    } finally {
      if (isWanted()) underWay.delete(key);
    }
  }

  return {
    async of(tenantId, batchUuid) {
      const key = `${tenantId} ${batchUuid}`;
      const last = counted.get(key);
      const ageMs = last === undefined ? Infinity : nowMs() - last.sinceMs;
      if (last !== undefined && ageMs < FRESH_MS) return last.counts;
      const counting = underWay.get(key) ?? countAnew(key, tenantId, batchUuid);
      if (last === undefined || ageMs > STALE_MS) return counting;
      // Whether it fails shows to whoever has to wait for the next one.
      void counting.catch(() => {});
      return last.counts;
    },
    forget(tenantId, batchUuid) {
      const key = `${tenantId} ${batchUuid}`;
      counted.delete(key);
      underWay.delete(key);
    },
  };
}
