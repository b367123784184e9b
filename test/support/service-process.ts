import { join } from "node:path";

import { eventually } from "./eventually.ts";
import { type Child, SERVICE_NODE_FLAGS, startChild, type StopStep } from "./local-servers.ts";

const REPOSITORY = join(import.meta.dirname, "..", "..");
const READY_DEADLINE_MS = 30_000;
const PROBE_TIMEOUT_MS = 5_000;
/** Beyond the 20 s after which a service ends itself the hard way. */
const STOP_WAIT_MS = 25_000;

export type Environment = Readonly<Record<string, string>>;

export interface ServiceProcess extends AsyncDisposable {
  readonly name: string;
  readonly port: number;
  /** Of the process that runs now, or ran last. */
  readonly pid: number;
  /** Every line of every life, standard error included. */
  readonly logs: readonly string[];
  /** SIGKILL; resolves when the process is gone. */
  kill9(): Promise<void>;
  /** SIGTERM; resolves to the exit code, null when it had to be killed. */
  stop(): Promise<number | null>;
  /** After kill9 or stop. Resolves when the service says that it is ready. */
  start(): Promise<void>;
  /** SIGKILL, and at once a new process in its place. */
  restart(): Promise<void>;
  /** Throws, with the last log lines, when the process ended and nobody had told it to. */
  assertAlive(): void;
}

/** Starts `services/<service>/src/main.ts` and waits until it is ready. */
export async function startService(
  service: string,
  env: Environment,
  port: number,
): Promise<ServiceProcess> {
  const logs: string[] = [];
  const life = createLife(service, { ...env, PORT: String(port) }, logs);

  async function start(): Promise<void> {
    await life.begin();
    const what = () => `${service} is ready\n${life.lastLines()}`;
    const options = { deadlineMs: READY_DEADLINE_MS, abortWhen: life.assertAlive };
    await eventually(() => isReady(port), what, options);
  }

  async function kill9(): Promise<void> {
    await life.end([]);
  }

  await using undo = new AsyncDisposableStack();
  undo.defer(() => life.endQuietly());
  await start();
  undo.move();
  return {
    name: service,
    port,
    get pid() {
      return life.pid();
    },
    logs,
    kill9,
    stop: () => life.end([{ signal: "SIGTERM", waitMs: STOP_WAIT_MS }]),
    start,
    async restart() {
      await kill9();
      await start();
    },
    assertAlive: life.assertAlive,
    [Symbol.asyncDispose]: () => life.endQuietly(),
  };
}

/** One place in the stack, held by one process after the other. */
function createLife(service: string, env: Environment, logs: string[]) {
  let child: Child | undefined;
  let wasToldToEnd = false;
  const lastLines = () => child?.lastLines().join("\n") ?? "";

  function assertAlive(): void {
    if (child === undefined || child.isRunning() || wasToldToEnd) return;
    throw new Error(`${service} ended by itself:\n${lastLines()}`);
  }

  return {
    assertAlive,
    lastLines,
    pid: () => child?.pid ?? 0,
    async begin(): Promise<void> {
      child = await spawnScript(`services/${service}/src/main.ts`, env, (line) => logs.push(line));
      wasToldToEnd = false;
    },
    async end(steps: readonly StopStep[]): Promise<number | null> {
      assertAlive();
      wasToldToEnd = true;
      const exit = await child?.stop(...steps);
      return exit?.code ?? null;
    },
    async endQuietly(): Promise<void> {
      wasToldToEnd = true;
      await child?.stop();
    },
  };
}

/** Runs a script of ours to its end: its exit code and its lines. */
export async function runScript(path: string, env: Environment) {
  const lines: string[] = [];
  const child = await spawnScript(path, env, (line) => lines.push(line));
  const exit = await child.exited;
  return { exitCode: exit.code, lines };
}

/** Nothing else of this process's environment is handed on: no setting of the machine may decide. */
const { NODE_COMPILE_CACHE = "" } = process.env;

function spawnScript(path: string, given: Environment, onLine: (line: string) => void) {
  const args = [...SERVICE_NODE_FLAGS, join(REPOSITORY, path)];
  const env = { NODE_COMPILE_CACHE, ...given };
  return startChild({ name: path, command: process.execPath, args, env, onLine });
}

async function isReady(port: number): Promise<boolean> {
  const response = await fetch(`http://127.0.0.1:${port}/health/ready`, {
    signal: AbortSignal.timeout(PROBE_TIMEOUT_MS),
  });
  await response.text();
  return response.ok;
}
