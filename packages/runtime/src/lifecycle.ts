import { flushCompileCache } from "node:module";

import { ConfigError } from "./config.ts";
import type { Logger } from "./logger.ts";

/** Longer than the longest step of a handler; the deployment's grace period must exceed it. */
const STOP_DEADLINE_MS = 20_000;

/**
 * Resolves at SIGTERM or SIGINT. Rejects when a worker (a consumer, a loop, the broker's
 * connection) ends by itself, so that a dead part becomes a restarted process, not a silent one.
 * From then on the process has 20 s to dispose of its resources before it is ended the hard way.
 */
export async function untilShutdown(
  workers: readonly Promise<unknown>[],
  log: Logger,
): Promise<void> {
  const { promise: signalled, resolve } = Promise.withResolvers<NodeJS.Signals>();
  process.once("SIGTERM", resolve).once("SIGINT", resolve);
  // It has started, so what it needs is compiled: kept for the next start, however this one ends.
  // Does nothing unless NODE_COMPILE_CACHE names a folder.
  flushCompileCache();
  try {
    const signal = await Promise.race([signalled, ...workers.map(failWhenDone)]);
    log.info({ signal }, "service.stopping");
  } finally {
    setTimeout(() => {
      log.error("service.stop_deadline_passed");
      process.exit(1);
    }, STOP_DEADLINE_MS).unref();
  }
}

async function failWhenDone(worker: Promise<unknown>): Promise<never> {
  await worker;
  throw new Error("a worker of this service ended unexpectedly");
}

/**
 * Runs a service's main function. A bad setting ends the process with one line on standard error
 * and exit code 1; any other failure is logged with its stack, exit code 1.
 */
export async function runService(service: string, main: () => Promise<void>): Promise<void> {
  try {
    await main();
    // Disposal is complete: a keep-alive socket of somebody else must not hold the process.
    process.exit(0);
  } catch (error) {
    const text = error instanceof ConfigError ? error.message : describe(error);
    process.stderr.write(`${service}: ${text}\n`);
    process.exit(1);
  }
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
