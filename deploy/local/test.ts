import { globSync } from "node:fs";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, matchesGlob, relative, resolve } from "node:path";
import { parseArgs } from "node:util";

import { describeFailure, ROOT, StartError } from "./checkout.ts";
import { ensureNatsServer } from "./nats-binary.ts";
import { startNats } from "./nats.ts";
import { removePostgresData } from "./postgres-place.ts";
import { startPostgres } from "./postgres.ts";
import { runningChildren } from "./processes.ts";
import { runChecks } from "./run-checks.ts";
import { complaint, runTests, STAGES, type TestStage } from "./run-tests.ts";
import type { Env } from "./start-options.ts";
import { stopSignal } from "./stop-signal.ts";

const EXIT_INTERRUPTED = 130;
const KINDS = ["check", ...STAGES.map(({ name }) => name)];
const USAGE = `npm test [-- [--only ${KINDS.join("|")}] [file.test.ts ...]]`;

const ignore = () => {};

interface Selection {
  readonly checks: boolean;
  readonly stages: readonly { readonly stage: TestStage; readonly files: readonly string[] }[];
}

/** Files given by name select their own stages; else `--only` selects one kind, else everything. */
function select(args: readonly string[]): Selection {
  const { only, positionals } = parse(args);
  const named = positionals.map((file) => relative(ROOT, resolve(ROOT, file)));
  const stages = STAGES.filter(({ name }) => only === undefined || only === name).map((stage) => ({
    stage,
    files:
      named.length === 0
        ? globSync([...stage.patterns], { cwd: ROOT }).toSorted()
        : named.filter((file) => stage.patterns.some((pattern) => matchesGlob(file, pattern))),
  }));
  const checks = named.length === 0 && (only === undefined || only === "check");
  if (named.length === 0) return { checks, stages };

  const known = new Set(stages.flatMap(({ files }) => files));
  const unknown = named.filter((file) => !known.has(file));
  if (unknown.length > 0) throw new StartError(`not a test file of ours: ${unknown.join(", ")}`);
  return { checks, stages: stages.filter(({ files }) => files.length > 0) };
}

function parse(args: readonly string[]) {
  try {
    const options = { only: { type: "string" } } as const;
    const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: true });
    if (values.only === undefined || KINDS.includes(values.only)) {
      return { only: values.only, positionals };
    }
  } catch {
    // Told below.
  }
  throw new StartError(USAGE);
}

/** The servers all tests share; a test that kills one starts its own. */
async function startServers(cleanup: AsyncDisposableStack): Promise<{ env: Env; folder: string }> {
  const folder = await mkdtemp(join(tmpdir(), "valify-test-"));
  const dataDir = join(folder, "postgres");
  cleanup.defer(async () => {
    await removePostgresData(dataDir);
    await rm(folder, { recursive: true, force: true });
  });
  await chmod(folder, 0o711);
  const binary = await ensureNatsServer(console.log);
  const nats = cleanup.use(
    await startNats({ binary, storeDir: join(folder, "nats"), log: ignore }),
  );
  // Thrown away afterwards: nothing here has to survive a power failure.
  const settings = { fsync: "off" };
  const postgres = cleanup.use(await startPostgres({ dataDir, log: ignore, settings }));
  const env = {
    ...process.env,
    TEST_DATABASE_URL: postgres.url,
    TEST_NATS_URL: nats.url,
    TEST_NATS_SERVER_BIN: binary,
    NATS_SERVER_BIN: binary,
  };
  return { env, folder };
}

async function runStages({ stages }: Selection, signal: AbortSignal, failures: string[]) {
  await using cleanup = new AsyncDisposableStack();
  const { env, folder } = await startServers(cleanup);
  let passed = 0;
  let failed = 0;
  for (const { stage, files } of stages) {
    const { name } = stage;
    console.log(`\n== ${name}: ${files.length} files`);
    if (files.length === 0) {
      failures.push(`${name}: no test file`);
      continue;
    }
    const countsFile = join(folder, `${name}.tap`);
    const result = await runTests({ ...stage, files, env, signal, countsFile });
    const why = complaint(result);
    if (why !== undefined) failures.push(`${name}: ${why}`);
    passed += result.passed;
    failed += result.failed;
  }
  return `${passed} passed, ${failed} failed`;
}

async function main(): Promise<number> {
  const signal = stopSignal();
  const failures: string[] = [];
  try {
    const selection = select(process.argv.slice(2));
    if (selection.checks) {
      console.log("== check");
      failures.push(...(await runChecks(signal)));
    }
    const counts =
      selection.stages.length === 0 ? undefined : await runStages(selection, signal, failures);
    if (failures.length > 0) console.log(`\nNOT GOOD: ${failures.join("; ")}`);
    // The last line says how many tests ran, whatever runs this reads it from there.
    if (counts !== undefined) console.log(counts);
    return failures.length === 0 ? 0 : 1;
  } catch (error) {
    if (signal.aborted) return EXIT_INTERRUPTED;
    process.stderr.write(`${describeFailure(error)}\n`);
    return 1;
  } finally {
    await Promise.all(
      runningChildren().map((child) => child.stop({ signal: "SIGINT", waitMs: 5_000 })),
    );
  }
}

process.exit(await main());
