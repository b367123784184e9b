import assert from "node:assert/strict";
import { after, beforeEach, test } from "node:test";

import { sql } from "kysely";

import { createDatabase } from "./create-database.ts";
import { type JobOutcome, readJobAges, runJobOnce } from "./periodic-jobs.ts";
import { createTestDatabase, requireEnv } from "./testing.ts";

// Goal: any replica, no leader, one run per period, whoever dies where.
// Method: two pools stand for two replicas; the stored instant is moved instead of waiting.

const database = await createTestDatabase(requireEnv("TEST_DATABASE_URL"));
const here = open();
const there = open();
after(async () => {
  await here.destroy();
  await there.destroy();
  await database[Symbol.asyncDispose]();
});
beforeEach(() => sql`truncate scheduling.periodic_jobs`.execute(admin()));

const HOUR_MS = 3_600_000;
const key = {
  schema: "scheduling",
  job: "sweep",
  periodMs: HOUR_MS,
  silentMaxMs: 20_000,
} as const;
const succeed = async (): Promise<JobOutcome> => "succeeded";

function open() {
  return createDatabase({
    url: database.url,
    role: "valify_scheduler",
    applicationName: "valify-test",
    connectionsMax: 4,
    // Only what a run sets for itself counts.
    settings: { idle_in_transaction_session_timeout: "0" },
  });
}

/** The pool of the table's owner; TRUNCATE is not the scheduler's. */
let adminPool: ReturnType<typeof createDatabase> | undefined;
function admin() {
  adminPool ??= createDatabase({
    url: database.url,
    role: null,
    applicationName: "valify-test",
    connectionsMax: 2,
  });
  return adminPool;
}
after(() => adminPool?.destroy());

/** As if the last run had been this much earlier (or later). */
async function age(byMs: number): Promise<void> {
  await sql`update scheduling.periodic_jobs
    set started_at = started_at - ${byMs} * interval '1 millisecond'`.execute(here);
}

test("a job runs once in its period, in whatever replica, and again in the next", async () => {
  assert.equal(await runJobOnce(here, key, succeed), "succeeded");
  assert.equal(await runJobOnce(here, key, succeed), "not_due");
  assert.equal(await runJobOnce(there, key, succeed), "not_due");
  await age(HOUR_MS - 60_000);
  assert.equal(await runJobOnce(there, key, succeed), "not_due");
  await age(60_000);
  assert.equal(await runJobOnce(there, key, succeed), "succeeded");
  assert.equal(await runJobOnce(here, key, succeed), "not_due");
});

test("of many replicas that come at once, one runs", async () => {
  let runs = 0;
  const count = async (): Promise<JobOutcome> => {
    runs += 1;
    return "succeeded";
  };
  const turns = await Promise.all(
    [here, there, here, there, here, there].map((db) => runJobOnce(db, key, count)),
  );
  assert.equal(runs, 1);
  assert.equal(turns.filter((turn) => turn === "succeeded").length, 1);
});

test("while one replica is at it, another is turned away", async () => {
  const turn = await runJobOnce(here, key, async () => {
    assert.equal(await runJobOnce(there, key, succeed), "busy");
    // Another job is none of its business.
    assert.equal(await runJobOnce(there, { ...key, job: "other" }, succeed), "succeeded");
    return "succeeded";
  });
  assert.equal(turn, "succeeded");
});

test("a run under way holds back no vacuum", async () => {
  await runJobOnce(here, key, async () => {
    const { rows } = await sql`
      select from pg_stat_activity
      where datname = current_database() and state = 'idle in transaction'
        and (backend_xid is not null or backend_xmin is not null)`.execute(there);
    assert.equal(rows.length, 0);
    return "succeeded";
  });
});

test("a failed run counts as a run, not as a success", async () => {
  assert.equal(await runJobOnce(here, key, async () => "failed"), "failed");
  assert.equal(await runJobOnce(there, key, succeed), "not_due");
  const [failed] = await readJobAges(here, "scheduling");
  assert.equal(failed?.succeededMs, null);
  await age(HOUR_MS);
  await runJobOnce(there, key, succeed);
  await age(HOUR_MS);
  await runJobOnce(there, key, async () => "failed");
  const [ran] = await readJobAges(here, "scheduling");
  assert.ok(ran?.succeededMs != null && ran.startedMs >= 0);
});

test("a run that was stopped leaves no mark: the next replica does it", async () => {
  assert.equal(await runJobOnce(here, key, async () => "stopped"), "stopped");
  assert.equal(await runJobOnce(there, key, succeed), "succeeded");
});

test("a process killed in a run lets go at once, and the next replica does it", async () => {
  const killed = runJobOnce(here, key, async () => {
    await sql`
      select pg_terminate_backend(pid) from pg_stat_activity
      where datname = current_database() and state = 'idle in transaction'`.execute(admin());
    let turn = await runJobOnce(there, key, succeed);
    while (turn === "busy") turn = await runJobOnce(there, key, succeed);
    assert.equal(turn, "succeeded");
    return "succeeded";
  });
  await assert.rejects(killed);
  assert.equal(await runJobOnce(here, key, succeed), "not_due");
});

test("a process frozen in a run is put out of it by Postgres", { timeout: 20_000 }, async () => {
  const frozen = runJobOnce(here, { ...key, silentMaxMs: 50 }, async () => {
    let turn = await runJobOnce(there, key, succeed);
    while (turn === "busy") turn = await runJobOnce(there, key, succeed);
    assert.equal(turn, "succeeded");
    return "succeeded";
  });
  await assert.rejects(frozen);
});

test("a mark from the future does not stop the job", async () => {
  await runJobOnce(here, key, succeed);
  await age(-365 * 24 * HOUR_MS);
  assert.equal(await runJobOnce(here, key, succeed), "succeeded");
  assert.equal(await runJobOnce(here, key, succeed), "not_due");
});

test("the run is told the database's clock", async () => {
  const { rows } = await sql<{ now: Date }>`select clock_timestamp() as now`.execute(here);
  await runJobOnce(here, key, async (now) => {
    assert.ok(rows[0] !== undefined && now >= rows[0].now);
    return "succeeded";
  });
});
