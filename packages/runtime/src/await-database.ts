import { setTimeout as pause } from "node:timers/promises";

import { isDatabaseAway } from "@valify/database";

import type { Logger } from "./logger.ts";

const RETRY_DELAY_MS = 1_000;

/**
 * For what a service does at its start: again every second while Postgres does not answer, as the bus
 * waits for its server. Any other failure is the caller's.
 */
export async function awaitDatabase<Result>(
  work: () => Promise<Result>,
  log: Logger,
): Promise<Result> {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!isDatabaseAway(error)) throw error;
      log.warn({ err: error }, "database.awaited");
      await pause(RETRY_DELAY_MS);
    }
  }
}
