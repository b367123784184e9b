import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { after, before, test } from "node:test";

import { uuidOfBatchId } from "@valify/contracts";

import { DEFAULT_TENANT_ID } from "./bootstrap.ts";
import {
  AUTH,
  codeOf,
  createTestApp,
  CSV,
  OTHER_AUTH,
  setRun,
  type TestApp,
  upload,
} from "./test-support.ts";

// CSV has two leads.
let t: TestApp;
before(async () => {
  t = await createTestApp();
});
after(() => t[Symbol.asyncDispose]());

async function limit(limits: Record<string, number | null>): Promise<void> {
  await t.owner.query(
    `update ingest.tenants set files_per_day_max = $2, leads_per_month_max = $3,
       stored_bytes_max = $4, concurrent_batches_max = $5 where tenant_id = $1`,
    [
      DEFAULT_TENANT_ID,
      limits["files"] ?? null,
      limits["leads"] ?? null,
      limits["bytes"] ?? null,
      limits["batches"] ?? null,
    ],
  );
}

/** As if all that was uploaded before had been another month. */
async function forget(): Promise<void> {
  await t.owner.query(`
    update ingest.batches set usage_settled_at = coalesce(usage_settled_at, now()),
      created_at = created_at - interval '40 days', upload_deleted_at = now()`);
  await t.owner.query("update ingest.usage_entries set at = at - interval '40 days'");
}

const fileCount = async () =>
  (await readdir(t.folder, { recursive: true })).filter((name) => name.endsWith(".csv")).length;

for (const [name, limits, code, status] of [
  ["files per day", { files: 3 }, "FILES_PER_DAY_EXCEEDED", 429],
  ["leads per month", { leads: 7 }, "LEADS_PER_MONTH_EXCEEDED", 429],
  ["stored bytes", { bytes: CSV.length * 3 }, "STORED_BYTES_EXCEEDED", 413],
  ["concurrent batches", { batches: 3 }, "CONCURRENT_BATCHES_EXCEEDED", 429],
] as const) {
  test(`of ten uploads at once as many pass as the limit of ${name} says`, async () => {
    await forget();
    await limit(limits);
    const countBefore = await fileCount();
    const responses = await Promise.all(Array.from({ length: 10 }, () => upload(t.app)));
    const refused = responses.filter(({ statusCode }) => statusCode !== 202);
    assert.equal(refused.length, 7);
    for (const response of refused) {
      assert.deepEqual([response.statusCode, codeOf(response)], [status, code]);
      assert.equal(response.headers["retry-after"] === undefined, status === 413);
    }
    assert.equal(await fileCount(), countBefore + 3, "what was refused is not kept");
    assert.equal((await upload(t.app, CSV, OTHER_AUTH)).statusCode, 202);
    await limit({});
    assert.equal((await upload(t.app)).statusCode, 202);
  });
}

test("a batch that has ended makes room for the next, before its usage is settled too", async () => {
  await forget();
  await limit({ batches: 1 });
  const { batch_id: batchId } = (await upload(t.app)).json<{ batch_id: string }>();
  assert.equal((await upload(t.app)).statusCode, 429);
  await setRun(t.owner, uuidOfBatchId(batchId), { status: "completed" });
  assert.equal((await upload(t.app)).statusCode, 202);
  await limit({});
});

test("a repeat under its idempotency key is answered, however much is used", async () => {
  await forget();
  await limit({ files: 1 });
  const key = { "idempotency-key": "limited" };
  assert.equal((await upload(t.app, CSV, { ...AUTH, ...key })).statusCode, 202);
  assert.equal((await upload(t.app, CSV, { ...AUTH, ...key })).statusCode, 200);
  await limit({});
});
