import assert from "node:assert/strict";
import { after, test } from "node:test";

import { createDatabase } from "@valify/database";
import { createTestDatabase, requireEnv } from "@valify/database/testing";

import { createLogger } from "./logger.ts";
import { createMetrics } from "./metrics.ts";
import { createJobRunner, type PeriodicJob, startPeriodicJobs } from "./periodic-jobs.ts";
import { eventually } from "./testing.ts";

const database = await createTestDatabase(requireEnv("TEST_DATABASE_URL"));
const db = createDatabase({
  url: database.url,
  role: "valify_ingest",
  applicationName: "valify-test",
});
after(async () => {
  await db.destroy();
  await database[Symbol.asyncDispose]();
});

function setUp() {
  const lines: string[] = [];
  const log = createLogger("ingest", "debug", { write: (line) => void lines.push(line) });
  const metrics = createMetrics("ingest", "test");
  const page = async () => (await metrics.render()).body;
  return { lines, page, deps: { db, schema: "ingest", log, metrics } as const };
}

function job(name: string, run: PeriodicJob["run"], timeoutMs = 60_000): PeriodicJob {
  return { name, periodMs: 3_600_000, timeoutMs, run };
}

const never = new AbortController().signal;

test("runs every job that is due, one after the other, and tells metrics", async () => {
  const { deps, page, lines } = setUp();
  const order: string[] = [];
  const jobs = ["first", "second"].map((name) =>
    job(name, async () => {
      order.push(`${name} begins`);
      await db.selectFrom("ingest.tenants").select("tenant_id").execute();
      order.push(`${name} ends`);
      return { deleted: 3 };
    }),
  );
  const waitMs = await createJobRunner(deps, jobs, never).runDue();
  assert.deepEqual(order, ["first begins", "first ends", "second begins", "second ends"]);
  assert.equal(waitMs, 60_000);
  const text = await page();
  assert.match(text, /valify_job_runs_total\{periodic_job="first",outcome="succeeded"\} 1/);
  assert.match(text, /valify_job_duration_seconds_count\{periodic_job="second"\} 1/);
  assert.match(text, /valify_job_last_success_age_seconds\{periodic_job="second"\} \d/);
  assert.match(lines.join(""), /"job":"first".*"deleted":3/);
});

test("a job that another replica ran only shows its age", async () => {
  const ran = setUp();
  await createJobRunner(ran.deps, [job("shared", async () => ({}))], never).runDue();
  const { deps, page } = setUp();
  const again = job("shared", () => assert.fail("ran twice"));
  await createJobRunner(deps, [again], never).runDue();
  const text = await page();
  assert.match(text, /valify_job_last_success_age_seconds\{periodic_job="shared"\} \d/);
  assert.doesNotMatch(text, /valify_job_runs_total\{periodic_job="shared"/);
});

test("a failing job is counted, and the next one runs all the same", async () => {
  const { deps, page, lines } = setUp();
  const failing = job("failing", async () => {
    throw new Error("broken");
  });
  let ran = false;
  const next = job("next", async () => {
    ran = true;
    return {};
  });
  await createJobRunner(deps, [failing, next], never).runDue();
  assert.ok(ran);
  const text = await page();
  assert.match(text, /valify_job_runs_total\{periodic_job="failing",outcome="failed"\} 1/);
  assert.match(text, /valify_job_last_success_age_seconds\{periodic_job="failing"\} \+Inf/);
  assert.match(lines.join(""), /job\.failed/);
});

test("a run that takes too long is told so, and given up when it does not listen", async () => {
  const { deps, page } = setUp();
  let heard = false;
  const listening = job(
    "listening",
    ({ signal }) =>
      new Promise((_, reject) => {
        signal.addEventListener("abort", () => {
          heard = true;
          reject(signal.reason);
        });
      }),
    20,
  );
  const deaf = job("deaf", () => new Promise(() => {}), 20);
  await createJobRunner(deps, [listening, deaf], never).runDue();
  assert.ok(heard);
  const text = await page();
  assert.match(text, /valify_job_runs_total\{periodic_job="listening",outcome="failed"\} 1/);
  assert.match(text, /valify_job_runs_total\{periodic_job="deaf",outcome="failed"\} 1/);
});

test("no job starts once the process is ending", async () => {
  const { deps } = setUp();
  const stop = new AbortController();
  const jobs = [
    job("last", async () => {
      stop.abort();
      return {};
    }),
    job("too_late", () => assert.fail("ran at stop")),
  ];
  await createJobRunner(deps, jobs, stop.signal).runDue();
});

test("disposal cuts a run short, waits for it, and leaves it to the next replica", async () => {
  const { deps, page } = setUp();
  const began = Promise.withResolvers<void>();
  let ended = false;
  const jobs = startPeriodicJobs(deps, [
    job("long", async ({ signal }) => {
      began.resolve();
      await new Promise((resolve) => {
        signal.addEventListener("abort", resolve);
      });
      ended = true;
      throw signal.reason;
    }),
  ]);
  await began.promise;
  await jobs[Symbol.asyncDispose]();
  assert.ok(ended);
  assert.doesNotMatch(await page(), /valify_job_runs_total\{periodic_job="long"/);

  const successor = setUp();
  await createJobRunner(successor.deps, [job("long", async () => ({}))], never).runDue();
  assert.match(
    await successor.page(),
    /valify_job_runs_total\{periodic_job="long",outcome="succeeded"\} 1/,
  );
});

test("Postgres away is no reason to end", async () => {
  const { deps, lines } = setUp();
  const broken = createDatabase({
    url: "postgres://nobody@127.0.0.1:1/nothing",
    role: null,
    applicationName: "valify-test",
  });
  await using _ = broken;
  const jobs = startPeriodicJobs({ ...deps, db: broken }, [job("unlucky", async () => ({}))]);
  await eventually(() => lines.some((line) => line.includes("job.not_run")), "a warning");
  await jobs[Symbol.asyncDispose]();
});
