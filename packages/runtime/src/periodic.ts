import type { Logger } from "./logger.ts";
import { createWake } from "./wake.ts";

/**
 * Runs `work` every `intervalMs`, one run at a time, until disposed. The first run is the caller's
 * to make. A failed run is logged under `event` and tried again at the next turn.
 */
export function startPeriodic(
  work: () => Promise<unknown>,
  { intervalMs, event, log }: { intervalMs: number; event: string; log: Logger },
): AsyncDisposable {
  const stop = new AbortController();
  const wake = createWake();

  async function run(): Promise<void> {
    for (;;) {
      await wake.arm(intervalMs);
      if (stop.signal.aborted) return;
      await work().catch((error: unknown) => log.warn({ err: error }, event));
    }
  }

  const done = run();
  return {
    async [Symbol.asyncDispose]() {
      stop.abort();
      wake.wake();
      await done;
    },
  };
}
