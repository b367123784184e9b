import { mkdir, readFile, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { availableParallelism } from "node:os";
import { join } from "node:path";

import { StartError } from "./checkout.ts";
import { type LocalServer, runLocalServer, untilReady } from "./local-server.ts";
import { ensureNatsServer } from "./nats-binary.ts";
import { freePort } from "./ports.ts";
import type { Log } from "./postgres-place.ts";
import { type Child, startChild } from "./processes.ts";
import { commandOf } from "./running.ts";

export interface NatsOptions {
  /** Path of nats-server 2.12 or later; default: what {@link ensureNatsServer} finds. */
  readonly binary?: string;
  /** Holds the streams, the configuration and the process id; created when missing. */
  readonly storeDir: string;
  readonly port?: number;
  /** Serves /varz and /jsz when given. */
  readonly monitorPort?: number;
  readonly log: Log;
}

/** Recovery reads the index of every stream; a large backlog takes seconds. */
const READY_MS = 60_000;
const INFO_MS = 1_000;

/** Starts a nats-server with JetStream on 127.0.0.1. */
export async function startNats(options: NatsOptions): Promise<LocalServer> {
  const { storeDir, log } = options;
  const binary = options.binary ?? (await ensureNatsServer(log));
  await mkdir(storeDir, { recursive: true, mode: 0o700 });
  const port = options.port ?? (await freePort());
  const pidFile = join(storeDir, "nats-server.pid");
  const configFile = join(storeDir, "nats-server.conf");
  await requireUnused(storeDir, pidFile, configFile);
  await writeFile(configFile, configuration({ ...options, port, pidFile }));
  return runLocalServer({
    url: `nats://127.0.0.1:${port}`,
    port,
    stopSteps: [{ signal: "SIGTERM", waitMs: 10_000 }],
    launch: () => launch(binary, configFile, port, log),
  });
}

async function launch(binary: string, configFile: string, port: number, log: Log): Promise<Child> {
  const child = await startChild({
    name: "nats",
    command: binary,
    args: ["--config", configFile],
    // Half of the cores, since all of the system shares them. With more, the server's threads wake
    // and look for each other: 1.2 futex calls a message, a quarter of its processor time.
    env: { GOMAXPROCS: String(Math.max(1, availableParallelism() >> 1)), ...process.env },
    cwd: "/",
    onLine: log,
  });
  await untilReady(child, () => answersWithInfo(port), READY_MS);
  return child;
}

/** Two servers on one store would destroy it, and nats-server itself does not look. */
async function requireUnused(storeDir: string, pidFile: string, configFile: string): Promise<void> {
  const pid = Number(await readFile(pidFile, "utf8").catch(() => ""));
  if (!Number.isInteger(pid) || pid <= 0) return;
  const command = await commandOf(pid);
  if (command?.includes(configFile) !== true) return;
  throw new StartError(`nats-server already runs on ${storeDir} (process ${pid}): stop it first`);
}

interface Configuration extends Pick<NatsOptions, "storeDir" | "monitorPort"> {
  readonly port: number;
  readonly pidFile: string;
}

function configuration({ storeDir, monitorPort, port, pidFile }: Configuration): string {
  return [
    `server_name: valify_local`,
    `listen: "127.0.0.1:${port}"`,
    ...(monitorPort === undefined ? [] : [`http: "127.0.0.1:${monitorPort}"`]),
    `pid_file: ${JSON.stringify(pidFile)}`,
    `jetstream {`,
    `  store_dir: ${JSON.stringify(storeDir)}`,
    // More than the max_bytes of all streams together, which JetStream reserves when they are made.
    `  max_file_store: 16GB`,
    `  max_memory_store: 256MB`,
    // Acknowledged is not yet on disk: this bounds what a power failure may take. A crash of the
    // process alone takes nothing.
    `  sync_interval: "10s"`,
    `}`,
    ``,
  ].join("\n");
}

/** The server speaks first; it accepts connections when JetStream has recovered its streams. */
function answersWithInfo(port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect(port, "127.0.0.1");
  socket.setTimeout(INFO_MS, () => resolve(false));
  socket.once("error", () => resolve(false));
  socket.once("close", () => resolve(false));
  socket.once("data", (data) => resolve(data.toString("latin1").startsWith("INFO {")));
  return promise.finally(() => socket.destroy());
}
