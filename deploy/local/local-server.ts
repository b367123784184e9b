import { setTimeout as delay } from "node:timers/promises";

import { StartError } from "./checkout.ts";
import { type Child, describeExit, type Exit, type StopStep } from "./processes.ts";

/** A PostgreSQL or a nats-server of our own. It keeps its port and its data over a restart. */
export interface LocalServer extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  /** Resolves when the process of this moment ends, for whatever reason. */
  readonly exited: Promise<Exit>;
  lastLines(): readonly string[];
  /** A clean stop; harmless when it is stopped already. */
  stop(): Promise<void>;
  /** Stops it unless it is stopped, starts it again, and waits until it is ready. */
  restart(): Promise<void>;
  /** SIGKILL. {@link LocalServer.restart} brings it back. */
  kill9(): Promise<void>;
}

export interface LocalServerSpec {
  readonly url: string;
  readonly port: number;
  readonly stopSteps: readonly StopStep[];
  /** Starts the process and resolves when it is ready. */
  readonly launch: () => Promise<Child>;
}

export async function runLocalServer(spec: LocalServerSpec): Promise<LocalServer> {
  let child = await spec.launch();
  const stop = async () => void (await child.stop(...spec.stopSteps));
  return {
    url: spec.url,
    port: spec.port,
    get pid() {
      return child.pid;
    },
    get exited() {
      return child.exited;
    },
    lastLines: () => child.lastLines(),
    stop,
    async restart() {
      await stop();
      child = await spec.launch();
    },
    async kill9() {
      child.signal("SIGKILL");
      await child.exited;
    },
    [Symbol.asyncDispose]: stop,
  };
}

const POLL_MS = 25;

/** Polls until the server answers. On its early end or after the deadline nothing is left running. */
export async function untilReady(
  child: Child,
  isReady: () => Promise<boolean>,
  deadlineMs: number,
): Promise<void> {
  const startedAt = performance.now();
  while (!(await isReady())) {
    const isLate = performance.now() - startedAt > deadlineMs;
    if (child.isRunning() && !isLate) {
      await delay(POLL_MS);
      continue;
    }
    const exit = await child.stop();
    const reason = isLate
      ? `is not ready after ${deadlineMs / 1000} s`
      : `ended (${describeExit(exit)})`;
    throw new StartError(`${child.name} ${reason}`, child.lastLines());
  }
}
