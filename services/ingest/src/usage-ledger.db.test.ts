import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { type BatchCompleted, type BatchFailed, uuidOfBatchId } from "@valify/contracts";
import { UsageStatement } from "@valify/contracts/api";
import type { Database } from "@valify/database";
import { createMetrics } from "@valify/runtime";
import type { Kysely } from "kysely";

import { DEFAULT_TENANT_ID } from "./bootstrap.ts";
import { AUTH, createTestApp, OTHER_AUTH, setRun, type TestApp, upload } from "./test-support.ts";
import { createBatchCompletedHandler, createBatchFailedHandler } from "./usage-consumers.ts";
import { usageJob } from "./usage-job.ts";
import { measureDrift } from "./usage-queries.ts";

// Goal: a batch is charged for what was validated, exactly once, and for nothing else.
// Method: the app and the handlers against a real database; what the validator would do is played.

let t: TestApp;
before(async () => {
  t = await createTestApp();
});
after(() => t[Symbol.asyncDispose]());

const HEADER = "first_name,last_name,dob\n";
/** 5 leads; 2 of them valid and 1 invalid is what the run will say, so 3 are to be charged. */
const FIVE = HEADER + "Ann,Wexcombe,01/02/1985\n".repeat(5);
const COUNTS = { valid: 2, invalid: 1, skipped: 2 };

async function newBatch(): Promise<string> {
  const response = await upload(t.app, FIVE);
  assert.equal(response.statusCode, 202, response.body);
  return response.json<{ batch_id: string }>().batch_id;
}

async function entriesOf(batchId: string): Promise<Record<string, number>> {
  const { rows } = await t.owner.query(
    "select kind, leads from ingest.usage_entries where batch_id = $1",
    [uuidOfBatchId(batchId)],
  );
  return Object.fromEntries(rows.map(({ kind, leads }) => [kind, leads]));
}

function completed(batchId: string): BatchCompleted {
  return {
    batch_id: batchId,
    tenant_id: DEFAULT_TENANT_ID,
    total_leads: 5,
    valid_leads: COUNTS.valid,
    invalid_leads: COUNTS.invalid,
    skipped_rows: COUNTS.skipped,
    completed_at: new Date().toISOString(),
  };
}

function failed(batchId: string): BatchFailed {
  const failed_at = new Date().toISOString();
  return { batch_id: batchId, tenant_id: DEFAULT_TENANT_ID, code: "X", message: "x", failed_at };
}

const cancel = async (batchId: string) => {
  const url = `/batches/${batchId}/cancel`;
  assert.equal((await t.app.inject({ method: "POST", url, headers: AUTH })).statusCode, 202);
};

const drift = () => measureDrift(t.ownerDb, { daysBack: 1 });

const CHARGED = { reserve: 5, charge: 3, release: 2 };
const FREE = { reserve: 5, release: 5 };

test("an upload reserves its leads", async () => {
  assert.deepEqual(await entriesOf(await newBatch()), { reserve: 5 });
});

test("an upload that could not be recorded reserves nothing", async () => {
  const count = async () =>
    (await t.owner.query("select 1 from ingest.usage_entries")).rowCount ?? 0;
  const countBefore = await count();
  await t.owner.query("alter table ingest.outbox add constraint never check (false) not valid");
  try {
    assert.equal((await upload(t.app, FIVE)).statusCode, 503);
  } finally {
    await t.owner.query("alter table ingest.outbox drop constraint never");
  }
  assert.equal(await count(), countBefore);
});

test("a completed batch is charged for its valid and invalid leads, however often it is told", async () => {
  const batchId = await newBatch();
  await setRun(t.owner, uuidOfBatchId(batchId), { status: "completed", ...COUNTS });
  const handle = createBatchCompletedHandler(t.db);
  await Promise.all(Array.from({ length: 8 }, () => handle(completed(batchId))));
  await handle(completed(batchId));
  await createBatchFailedHandler(t.db)(failed(batchId));
  assert.deepEqual(await entriesOf(batchId), CHARGED);
});

test("a failed batch costs nothing", async () => {
  const batchId = await newBatch();
  await createBatchFailedHandler(t.db)(failed(batchId));
  assert.deepEqual(await entriesOf(batchId), FREE);
});

test("a batch cancelled at work costs nothing, even if its completion was on the way", async () => {
  const batchId = await newBatch();
  await setRun(t.owner, uuidOfBatchId(batchId), { status: "processing", valid: 2 });
  await cancel(batchId);
  await createBatchCompletedHandler(t.db)(completed(batchId));
  await cancel(batchId);
  assert.deepEqual(await entriesOf(batchId), FREE);
});

test("a batch cancelled after its completion stays charged, told before or after", async () => {
  for (const isToldBefore of [true, false]) {
    const batchId = await newBatch();
    await setRun(t.owner, uuidOfBatchId(batchId), { status: "completed", ...COUNTS });
    if (isToldBefore) await createBatchCompletedHandler(t.db)(completed(batchId));
    await cancel(batchId);
    await createBatchCompletedHandler(t.db)(completed(batchId));
    assert.deepEqual(await entriesOf(batchId), CHARGED);
  }
});

test("a completion and a cancellation at once settle the batch once", async () => {
  for (let round = 0; round < 5; round += 1) {
    const batchId = await newBatch();
    await Promise.all([createBatchCompletedHandler(t.db)(completed(batchId)), cancel(batchId)]);
    const { reserve, charge = 0, release = 0 } = await entriesOf(batchId);
    assert.equal(reserve, charge + release);
    assert.ok(charge === 0 || charge === 3, String(charge));
  }
});

for (const moment of ["before", "after"] as const) {
  test(`killed ${moment} any statement of the settlement, the redelivery settles it once`, async () => {
    for (let fatal = 1; ; fatal += 1) {
      const batchId = await newBatch();
      await setRun(t.owner, uuidOfBatchId(batchId), { status: "completed", ...COUNTS });
      const victim = createBatchCompletedHandler(dyingAt(fatal, moment));
      const outcome = await victim(completed(batchId)).catch((error: unknown) => error);
      if (outcome === undefined) {
        assert.ok(fatal > 2, "the victim died at too few steps to prove anything");
        break;
      }
      assert.deepEqual(await entriesOf(batchId), { reserve: 5 });
      await createBatchCompletedHandler(t.db)(completed(batchId));
      assert.deepEqual(await entriesOf(batchId), CHARGED);
    }
    assert.equal(await drift(), 0);
  });
}

function die(): never {
  throw new Error("killed");
}

/** The database of a process that dies at its `fatal`-th statement; Postgres then rolls it back. */
function dyingAt(fatal: number, moment: "before" | "after"): Kysely<Database> {
  let count = 0;
  return t.db.withPlugin({
    transformQuery({ node }) {
      count += 1;
      return count === fatal && moment === "before" ? die() : node;
    },
    async transformResult({ result }) {
      return count === fatal && moment === "after" ? die() : result;
    },
  });
}

test("what no event settled the job settles later, and the ledger adds up", async () => {
  const metrics = createMetrics("ingest", "test");
  const job = usageJob({ db: t.db, metrics });
  const run = () => job.run({ now: new Date(), signal: new AbortController().signal });
  const [lost, atWork] = [await newBatch(), await newBatch()];
  await setRun(t.owner, uuidOfBatchId(lost), { status: "completed", ...COUNTS });
  assert.deepEqual(await run(), { settledLate: 0, driftLeads: 0 });
  await t.owner.query("update validation.runs set ended_at = ended_at - interval '11 minutes'");
  assert.deepEqual((await run())["settledLate"], 1);
  assert.deepEqual(await entriesOf(lost), CHARGED);
  assert.deepEqual(await entriesOf(atWork), { reserve: 5 });
  assert.match((await metrics.render()).body, /^valify_ledger_drift_credits 0$/m);
});

test("a batch that an older version took without a reservation is charged all the same", async () => {
  const batchId = await newBatch();
  await t.owner.query("delete from ingest.usage_entries where batch_id = $1", [
    uuidOfBatchId(batchId),
  ]);
  await createBatchCompletedHandler(t.db)(completed(batchId));
  assert.deepEqual(await entriesOf(batchId), CHARGED);
});

for (const [what, fault, expected] of [
  ["a charge that was never made", "delete from ingest.usage_entries where kind = 'charge'", 3],
  ["a charge of too much", "update ingest.usage_entries set leads = 4 where kind = 'charge'", 2],
  ["a missing reservation", "delete from ingest.usage_entries where kind = 'reserve'", 10],
] as const) {
  test(`the drift shows ${what}`, async () => {
    const batchId = await newBatch();
    const batchUuid = uuidOfBatchId(batchId);
    await setRun(t.owner, batchUuid, { status: "completed", ...COUNTS });
    await createBatchCompletedHandler(t.db)(completed(batchId));
    assert.equal(await drift(), 0);
    const kept = await t.owner.query("select * from ingest.usage_entries where batch_id = $1", [
      batchUuid,
    ]);
    await t.owner.query(`${fault} and batch_id = $1`, [batchUuid]);
    assert.equal(await drift(), expected);
    await t.owner.query("delete from ingest.usage_entries where batch_id = $1", [batchUuid]);
    for (const { tenant_id: tenant, kind, leads } of kept.rows) {
      await t.owner.query(
        "insert into ingest.usage_entries (tenant_id, batch_id, kind, leads) values ($1,$2,$3,$4)",
        [tenant, batchUuid, kind, leads],
      );
    }
    assert.equal(await drift(), 0);
  });
}

test("the statement of a month pages through its entries and adds them up", async () => {
  await using own = await createTestApp();
  const ask = async (query: string, headers = AUTH) => {
    const response = await own.app.inject({ url: `/usage${query}`, headers });
    assert.equal(response.statusCode, 200, response.body);
    return UsageStatement.parse(response.json());
  };
  const ids: string[] = [];
  for (let count = 0; count < 3; count += 1) {
    ids.push((await upload(own.app, FIVE)).json<{ batch_id: string }>().batch_id);
  }
  const [done = "", failing = ""] = ids;
  await setRun(own.owner, uuidOfBatchId(done), { status: "completed", ...COUNTS });
  await createBatchCompletedHandler(own.db)(completed(done));
  await createBatchFailedHandler(own.db)(failed(failing));

  const month = new Date().toISOString().slice(0, 7);
  const whole = await ask("");
  assert.deepEqual(
    { ...whole, entries: whole.entries.length },
    {
      month,
      leads_charged: 3,
      leads_reserved: 15,
      leads_released: 7,
      batches_charged: 1,
      leads_open: 5,
      leads_per_month_max: null,
      entries: 6,
      next_cursor: null,
    },
  );
  const paged: unknown[] = [];
  for (let cursor: string | null = ""; cursor !== null;) {
    const page = await ask(`?month=${month}&limit=4${cursor && `&cursor=${cursor}`}`);
    paged.push(...page.entries);
    cursor = page.next_cursor;
  }
  assert.deepEqual(paged, whole.entries);
  const earlier = await ask("?month=2026-01");
  assert.deepEqual([earlier.leads_charged, earlier.entries], [0, []]);
  const others = await ask("", OTHER_AUTH);
  assert.deepEqual([others.leads_reserved, others.leads_open, others.entries], [0, 0, []]);
});

for (const query of ["month=2026-13", "month=november", "cursor=nonsense", "limit=0", "x=1"]) {
  test(`the statement refuses ${query}`, async () => {
    const response = await t.app.inject({ url: `/usage?${query}`, headers: AUTH });
    assert.equal(response.statusCode, 400);
  });
}
