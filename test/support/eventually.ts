import { setTimeout as pause } from "node:timers/promises";

const DEADLINE_MS = 30_000;
const POLL_MS = 25;

export interface EventuallyOptions {
  /** Default 30 s. */
  readonly deadlineMs?: number;
  /** Asked before every poll; what it throws ends the wait at once. */
  readonly abortWhen?: () => void;
}

/**
 * Polls until the condition holds. An error inside it counts as "not yet": a service that is being
 * restarted refuses connections. Throws at the deadline, saying what was awaited.
 */
export async function eventually(
  condition: () => boolean | Promise<boolean>,
  what: string | (() => string),
  { deadlineMs = DEADLINE_MS, abortWhen }: EventuallyOptions = {},
): Promise<void> {
  const endMs = performance.now() + deadlineMs;
  let cause: unknown;
  while (performance.now() < endMs) {
    abortWhen?.();
    try {
      if (await condition()) return;
      cause = undefined;
    } catch (error) {
      cause = error;
    }
    await pause(POLL_MS);
  }
  const awaited = typeof what === "string" ? what : what();
  throw new Error(`within ${deadlineMs} ms: ${awaited}`, { cause });
}
