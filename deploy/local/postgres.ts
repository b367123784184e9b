import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { chown, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { StartError } from "./checkout.ts";
import { type LocalServer, runLocalServer, untilReady } from "./local-server.ts";
import { freePort } from "./ports.ts";
import { type Log, type PostgresPlace, preparePlace } from "./postgres-place.ts";
import { isPostgresReady } from "./postgres-probe.ts";
import { type Child, describeExit, startChild } from "./processes.ts";
import { commandOf } from "./running.ts";

export interface PostgresOptions {
  /** Created and filled when it is empty. */
  readonly dataDir: string;
  readonly port?: number;
  /** A line of the server's output. */
  readonly log: Log;
  /** What a person should know; default: as `log`. */
  readonly say?: Log;
  /** Further server settings, such as `{ fsync: "off" }` for a test. The defaults are safe. */
  readonly settings?: Readonly<Record<string, string>>;
}

export interface LocalPostgres extends LocalServer {
  /** Where the data really is: see {@link preparePlace}. */
  readonly dataDir: string;
}

const MAJOR = "18";
const NAME = "valify";
/** Recovery after a crash replays at most the log since the last checkpoint, five minutes' worth. */
const READY_MS = 60_000;
const ORPHANS_MS = 10_000;
const SETTINGS: Readonly<Record<string, string>> = {
  listen_addresses: "127.0.0.1",
  unix_socket_directories: "",
  max_connections: "200",
  shared_buffers: "128MB",
  timezone: "UTC",
  log_timezone: "UTC",
  log_line_prefix: "",
  // A statement's error quotes the row, a person's name included: the services log it without.
  log_min_messages: "log",
  log_min_error_statement: "panic",
  log_error_verbosity: "terse",
  log_parameter_max_length: "0",
};

/** Starts the packaged PostgreSQL 18 on 127.0.0.1, as another user when we are root. */
export async function startPostgres(options: PostgresOptions): Promise<LocalPostgres> {
  const place = await preparePlace(options.dataDir, options.say ?? options.log);
  const cluster = join(place.dataDir, "pgdata");
  if (!existsSync(cluster)) await createCluster(place, options.settings?.["fsync"] === "off");
  await requireMajor(cluster);
  const password = await readFile(join(cluster, "valify.password"), "utf8");
  const port = options.port ?? (await freePort());

  const args = Object.entries({ ...SETTINGS, port: String(port), ...options.settings }).flatMap(
    ([name, value]) => ["-c", `${name}=${value}`],
  );
  const server = await runLocalServer({
    url: `postgres://${NAME}:${password}@127.0.0.1:${port}/${NAME}`,
    port,
    // Fast: ends sessions. Immediate: leaves recovery to the next start.
    stopSteps: [
      { signal: "SIGINT", waitMs: 15_000 },
      { signal: "SIGQUIT", waitMs: 5_000 },
    ],
    launch: () => launch(place, cluster, args, port, options.log),
  });
  return Object.assign(server, { dataDir: place.dataDir });
}

async function launch(
  place: PostgresPlace,
  cluster: string,
  args: readonly string[],
  port: number,
  log: Log,
): Promise<Child> {
  const startedAt = performance.now();
  for (;;) {
    await clearStalePid(cluster);
    const child = await startChild({
      ...processOf(place, "postgres"),
      args: ["-D", cluster, ...args],
      onLine: log,
    });
    try {
      await untilReady(child, () => isPostgresReady(port, NAME), READY_MS);
      return child;
    } catch (error) {
      // After SIGKILL of the server its sessions end by themselves, each at its next look.
      const hasOrphans = child.lastLines().some((line) => line.includes("shared memory block"));
      if (!hasOrphans || performance.now() - startedAt > ORPHANS_MS) throw error;
    }
  }
}

/**
 * PostgreSQL takes the number in a left-over postmaster.pid for a running server when any process
 * has it by now, even a dead one its parent has not collected (a container's first process may
 * never do so). Sessions that outlive their server still stop the start: PostgreSQL finds their
 * shared memory by the directory's inode, without the file.
 */
async function clearStalePid(cluster: string): Promise<void> {
  const file = join(cluster, "postmaster.pid");
  const pid = Number((await readFile(file, "utf8").catch(() => "")).split("\n")[0]);
  if (!Number.isInteger(pid) || pid <= 0) return;
  if ((await commandOf(pid))?.includes(cluster) === true) {
    throw new StartError(`PostgreSQL already runs on ${cluster} (process ${pid}): stop it first`);
  }
  await rm(file, { force: true });
}

async function requireMajor(cluster: string): Promise<void> {
  const major = (await readFile(join(cluster, "PG_VERSION"), "utf8")).trim();
  if (major === MAJOR) return;
  throw new StartError(
    `${cluster} was written by PostgreSQL ${major}, this is ${MAJOR}: move it away`,
  );
}

/** Built beside its place and renamed: a start that is killed midway leaves no half a cluster. */
async function createCluster(place: PostgresPlace, isThrowAway: boolean): Promise<void> {
  const { dataDir, user } = place;
  const leftOver = (await readdir(dataDir)).filter((name) => name.startsWith("draft-"));
  for (const name of leftOver) await rm(join(dataDir, name), { recursive: true });
  const draft = join(dataDir, `draft-${randomBytes(4).toString("hex")}`);
  const passwordFile = `${draft}.password`;
  await writeFile(passwordFile, randomBytes(24).toString("base64url"), { mode: 0o600 });
  if (user !== undefined) await chown(passwordFile, user.uid, user.gid);
  // The built-in locale needs neither the system's nor the packaged, outdated ICU's tables.
  const locale = ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"];
  const login = ["-U", NAME, `--pwfile=${passwordFile}`, "--auth=scram-sha-256"];
  const noSync = isThrowAway ? ["--no-sync"] : [];
  const initdb = ["-D", draft, "--encoding=UTF8", ...locale, ...login, ...noSync];
  await run(place, "initdb", initdb);
  const single = ["--single", "-D", draft, ...(isThrowAway ? ["-c", "fsync=off"] : []), "postgres"];
  await run(place, "postgres", single, `create database ${NAME};\n`);
  await rename(passwordFile, join(draft, "valify.password"));
  await rename(draft, join(dataDir, "pgdata"));
}

async function run(place: PostgresPlace, name: string, args: readonly string[], input?: string) {
  const child = await startChild({ ...processOf(place, name), args, input });
  const exit = await child.exited;
  if (exit.code === 0) return;
  throw new StartError(`${name} failed (${describeExit(exit)})`, child.lastLines());
}

function processOf({ binFolder, user }: PostgresPlace, name: string) {
  // Our own folder may be one its user can't enter.
  return { name, command: join(binFolder, name), env: serverEnv(), cwd: "/", user };
}

/** Nothing of ours: PGDATA, PGPORT or a foreign locale would change what the server does. */
function serverEnv(): NodeJS.ProcessEnv {
  return { PATH: "/usr/local/bin:/usr/bin:/bin", LC_ALL: "C", TZ: "UTC" };
}
