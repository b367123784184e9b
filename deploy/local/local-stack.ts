import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

import { StartError } from "./checkout.ts";
import { formatLogLine } from "./log-line.ts";
import { ensureNatsServer } from "./nats-binary.ts";
import { startNats } from "./nats.ts";
import { reachable, requireFreePort } from "./ports.ts";
import { startPostgres } from "./postgres.ts";
import { type Child, describeExit, type Exit } from "./processes.ts";
import { migrate, type ServicesOptions, startServices } from "./services.ts";
import { type Env, given, SERVICES } from "./start-options.ts";

export interface StackOptions extends ServicesOptions {
  readonly dataDir: string;
}

export interface LocalStack {
  /** Of ingest, without a slash at the end. */
  readonly url: string;
  /** Resolves when a part ends by itself; the error says which, with its last lines. */
  readonly broken: Promise<StartError>;
}

/**
 * Starts what is not given by a URL, then the four services, and resolves when all are ready. What
 * it starts it puts on `cleanup` at once: dispose it, also after a rejection, to stop everything.
 */
export async function startLocalStack(
  options: StackOptions,
  cleanup: AsyncDisposableStack,
): Promise<LocalStack> {
  const { host, ports, env, say, signal } = options;
  for (const { name, portVariable } of SERVICES) {
    await requireFreePort(host, ports[name], portVariable);
  }
  const broken = Promise.withResolvers<StartError>();
  const watch: Watch = (name, part) =>
    void part.exited.then((exit) => broken.resolve(brokenError(name, exit, part.lastLines())));

  // The database first: stopped backwards, it is the last to go.
  const databaseUrl = given(env, "DATABASE_URL") ?? (await ownPostgres(options, cleanup, watch));
  signal.throwIfAborted();
  const natsUrl = given(env, "NATS_URL") ?? (await ownNats(options, cleanup, watch));
  signal.throwIfAborted();
  const serviceEnv = {
    ...env,
    DATABASE_URL: databaseUrl,
    NATS_URL: natsUrl,
    HOST: host,
    ...(await objectStoreEnv(options)),
  };
  say("Migrating ...");
  await migrate(serviceEnv, options.onLine, signal);
  signal.throwIfAborted();
  const services = await startServices({ ...options, env: serviceEnv }, cleanup);
  for (const service of services) watch(service.name, service);
  return { url: `http://${reachable(host)}:${ports.ingest}`, broken: broken.promise };
}

type Watch = (name: string, part: Pick<Child, "exited" | "lastLines">) => void;

async function ownPostgres(options: StackOptions, cleanup: AsyncDisposableStack, watch: Watch) {
  const log = (line: string) => options.onLine("postgres", line);
  const server = cleanup.use(
    await startPostgres({ dataDir: join(options.dataDir, "postgres"), log, say: options.say }),
  );
  options.say(`PostgreSQL 18 on 127.0.0.1:${server.port}`);
  watch("postgres", server);
  return server.url;
}

async function ownNats(options: StackOptions, cleanup: AsyncDisposableStack, watch: Watch) {
  const log = (line: string) => options.onLine("nats", line);
  const binary = await ensureNatsServer(options.say, options.env);
  options.signal.throwIfAborted();
  const server = cleanup.use(
    await startNats({ binary, storeDir: join(options.dataDir, "nats"), log }),
  );
  options.say(`nats-server on 127.0.0.1:${server.port}`);
  watch("nats", server);
  return server.url;
}

async function objectStoreEnv({ env, dataDir }: StackOptions): Promise<Env> {
  if (given(env, "OBJECT_STORE_URL") !== undefined || given(env, "S3_BUCKET") !== undefined)
    return {};
  const folder = join(dataDir, "objects");
  await mkdir(folder, { recursive: true, mode: 0o700 });
  return { OBJECT_STORE_URL: pathToFileURL(folder).href };
}

function brokenError(name: string, exit: Exit, lastLines: readonly string[]): StartError {
  const shown = lastLines.slice(-8).map((line) => formatLogLine(name, line, { colours: false }));
  return new StartError(`${name} ended by itself (${describeExit(exit)})`, shown);
}
