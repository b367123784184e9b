export interface Expiring {
  /** Called once, unless it has ended before. */
  giveUp(timeoutMs: number): void;
}

/** Ends what takes too long. */
export interface Deadlines extends Disposable {
  begin(work: Expiring): void;
  end(work: Expiring): void;
}

/**
 * All work has the same time, so the oldest ends first and one timer is enough for all: a timer for
 * each request would be a twentieth of what a webhook costs the dispatcher's thread. None runs while
 * nothing is under way; under load it comes once in that time. `now`: monotonic milliseconds.
 */
export function createDeadlines(timeoutMs: number, now: () => number): Deadlines {
  // In the order in which they began.
  const beganMs = new Map<Expiring, number>();
  let timer: NodeJS.Timeout | undefined;
  // What is under way has a socket, or waits for one: that keeps the process, not its deadline.
  const lookIn = (delayMs: number) => (timer = setTimeout(look, delayMs).unref());

  function look(): void {
    timer = undefined;
    const latestMs = now() - timeoutMs;
    for (const [work, sinceMs] of beganMs) {
      if (sinceMs > latestMs) {
        lookIn(sinceMs - latestMs);
        return;
      }
      beganMs.delete(work);
      work.giveUp(timeoutMs);
    }
  }

  return {
    begin(work) {
      beganMs.set(work, now());
      if (timer === undefined) lookIn(timeoutMs);
    },
    end: (work) => void beganMs.delete(work),
    [Symbol.dispose]: () => clearTimeout(timer),
  };
}
