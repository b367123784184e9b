import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

import { ROOT, StartError } from "./checkout.ts";
import { formatLogLine } from "./log-line.ts";
import { SERVICE_NODE_FLAGS } from "./node-flags.ts";
import { reachable } from "./ports.ts";
import { type Child, describeExit, startChild } from "./processes.ts";
import { type Env, type ServicePorts, SERVICES } from "./start-options.ts";

const READY_MS = 30_000;
const POLL_MS = 50;
const PROBE_MS = 2_000;
/** A service gives itself 20 s to finish what it has begun. */
const STOP_MS = 25_000;

export interface ServicesOptions {
  readonly host: string;
  readonly ports: ServicePorts;
  /** What the services get beside their own settings. */
  readonly env: Env;
  /** Progress, for people. */
  readonly say: (line: string) => void;
  /** A line of a process's output, as it was written. */
  readonly onLine: OnLine;
  /** Aborted: the start is given up at its next step. */
  readonly signal: AbortSignal;
}

type OnLine = (name: string, line: string) => void;

/** Applies the SQL migrations and the JetStream topology. */
export async function migrate(env: Env, onLine: OnLine, signal: AbortSignal): Promise<void> {
  const complaints: string[] = [];
  const child = await startChild({
    name: "migrate",
    command: process.execPath,
    args: [join(ROOT, "packages", "runtime", "src", "migrate-cli.ts")],
    env,
    cwd: ROOT,
    onLine: (line, stream) =>
      stream === "stderr" ? complaints.push(line) : onLine("migrate", line),
  });
  const stop = () => child.signal("SIGTERM");
  signal.addEventListener("abort", stop);
  const exit = await child.exited;
  signal.removeEventListener("abort", stop);
  signal.throwIfAborted();
  if (exit.code === 0) return;
  // Its first line is the reason; the stack behind it says nothing to who has to act on it.
  const reason = complaints[0]?.replace(/^migrate: /, "") ?? describeExit(exit);
  throw new StartError(`the migration failed: ${reason}`);
}

/** Starts the four services and resolves when every one is ready. */
export async function startServices(
  options: ServicesOptions,
  cleanup: AsyncDisposableStack,
): Promise<readonly Child[]> {
  const services = await Promise.all(SERVICES.map((service) => startService(service, options)));
  // Together, since each may need seconds to finish its work.
  cleanup.defer(async () => {
    await Promise.all(
      services.map(({ child }) => child.stop({ signal: "SIGTERM", waitMs: STOP_MS })),
    );
  });
  options.say("Starting the services ...");
  await Promise.all(services.map((service) => untilServiceReady(service, options)));
  for (const { release } of services) release();
  return services.map(({ child }) => child);
}

interface StartingService {
  readonly child: Child;
  readonly port: number;
  /** What it wrote to standard error, which is only its reason for not starting. */
  readonly complaints: readonly string[];
  /** From now on its complaints are shown as they come. */
  readonly release: () => void;
}

async function startService(
  { name, folder }: (typeof SERVICES)[number],
  { env, ports, onLine }: ServicesOptions,
): Promise<StartingService> {
  const complaints: string[] = [];
  let isHeld = true;
  const child = await startChild({
    name,
    command: process.execPath,
    args: [...SERVICE_NODE_FLAGS, join(ROOT, "services", folder, "src", "main.ts")],
    env: { ...env, PORT: String(ports[name]) },
    cwd: ROOT,
    onLine(line, stream) {
      // A bad variable is refused by all four: the first one's line, shown once, is enough.
      if (isHeld && stream === "stderr") complaints.push(line);
      else onLine(name, line);
    },
  });
  const release = () => {
    isHeld = false;
    for (const line of complaints) onLine(name, line);
  };
  return { child, port: ports[name], complaints, release };
}

async function untilServiceReady(
  service: StartingService,
  options: ServicesOptions,
): Promise<void> {
  const { child, port, complaints } = service;
  const url = `http://${reachable(options.host)}:${port}/health/ready`;
  const startedAt = performance.now();
  let answer = "no answer";
  while (performance.now() - startedAt < READY_MS) {
    options.signal.throwIfAborted();
    if (!child.isRunning()) throw failedStart(child, describeExit(await child.exited), complaints);
    const response = await fetch(url, { signal: AbortSignal.timeout(PROBE_MS) }).catch(
      () => undefined,
    );
    if (response?.ok === true) return;
    if (response !== undefined) answer = `${response.status} ${(await response.text()).trim()}`;
    await delay(POLL_MS);
  }
  throw failedStart(child, `not ready after ${READY_MS / 1000} s: ${answer}`, complaints);
}

function failedStart(child: Child, reason: string, complaints: readonly string[]): StartError {
  const [first, ...more] = complaints;
  if (first !== undefined && more.length === 0) return new StartError(first);
  const shown = child.lastLines().slice(-8);
  const lines = shown.map((line) => formatLogLine(child.name, line, { colours: false }));
  return new StartError(
    `${child.name} did not start (${reason})`,
    first === undefined ? lines : complaints,
  );
}
