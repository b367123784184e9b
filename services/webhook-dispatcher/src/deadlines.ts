export interface Expiring {
  /** Called once, unless it has ended before. */
  giveUp(timeoutMs: number): void;
}

/** Ends what takes too long. */
export interface Deadlines extends Disposable {
  begin(work: Expiring): void;
  end(work: Expiring): void;
}

/** How late one may be noticed. Never too early. */
const SWEEP_MS = 50;

/**
 * All work has the same time, so the oldest ends first and one timer is enough for all: a timer for
 * each request would be a twentieth of what a webhook costs the dispatcher's thread.
 * `now`: monotonic milliseconds.
 */
export function createDeadlines(timeoutMs: number, now: () => number): Deadlines {
  // In the order in which they began.
  const beganMs = new Map<Expiring, number>();
  const sweep = setInterval(() => {
    const latestMs = now() - timeoutMs;
    for (const [work, sinceMs] of beganMs) {
      if (sinceMs > latestMs) return;
      beganMs.delete(work);
      work.giveUp(timeoutMs);
    }
  }, SWEEP_MS).unref(); // what is under way has a socket, or waits for one

  return {
    begin: (work) => void beganMs.set(work, now()),
    end: (work) => void beganMs.delete(work),
    [Symbol.dispose]: () => clearInterval(sweep),
  };
}
