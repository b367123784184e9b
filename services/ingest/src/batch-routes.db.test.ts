import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { after, before, test } from "node:test";

import { uuidOfBatchId } from "@valify/contracts";
import type { BatchPage, BatchView } from "@valify/contracts/api";
import type { ObjectStore } from "@valify/runtime";

import {
  AUTH,
  codeOf,
  createTestApp,
  databaseAt,
  setRun,
  type TestApp,
  uploadedBatch,
} from "./test-support.ts";

let t: TestApp;
before(async () => {
  t = await createTestApp();
});
after(() => t[Symbol.asyncDispose]());

const get = (url: string) => t.app.inject({ url, headers: AUTH });
const post = (url: string) => t.app.inject({ method: "POST", url, headers: AUTH });
const statusOf = async (batchId: string) =>
  (await get(`/batch_status/${batchId}`)).json<BatchView>();

test("a batch is pending, then what its run says, with the run's counts", async () => {
  const { batchId } = await uploadedBatch(t.app);
  const pending = await statusOf(batchId);
  assert.equal(pending.status, "pending");
  assert.equal(pending.processed_leads, 0);
  assert.equal(pending.total_leads, 2);
  assert.equal(pending.completed_at, null);

  await setRun(t.owner, uuidOfBatchId(batchId), { status: "processing", valid: 1 });
  const processing = await statusOf(batchId);
  assert.deepEqual([processing.status, processing.processed_leads], ["processing", 1]);
  assert.equal(processing.completed_at, null);

  const counts = { valid: 1, invalid: 2, skipped: 3 };
  await setRun(t.owner, uuidOfBatchId(batchId), { status: "completed", ...counts });
  const completed = await statusOf(batchId);
  assert.equal(completed.status, "completed");
  assert.equal(completed.processed_leads, 6);
  assert.deepEqual(
    [completed.valid_leads, completed.invalid_leads, completed.skipped_rows],
    [1, 2, 3],
  );
  assert.notEqual(completed.completed_at, null);
});

test("a failed batch says why", async () => {
  const { batchId } = await uploadedBatch(t.app);
  await setRun(t.owner, uuidOfBatchId(batchId), { status: "failed", error: "The file is gone" });
  const batch = await statusOf(batchId);
  assert.deepEqual([batch.status, batch.error], ["failed", "The file is gone"]);
  assert.notEqual(batch.completed_at, null);
});

test("cancelling marks the batch and tells the others once, however often it is asked", async () => {
  const { batchId } = await uploadedBatch(t.app);
  for (let turn = 0; turn < 3; turn += 1) {
    const response = await post(`/batches/${batchId}/cancel`);
    assert.equal(response.statusCode, 202);
    assert.deepEqual(response.json(), { batch_id: batchId, status: "cancelled" });
  }
  const batch = await statusOf(batchId);
  assert.equal(batch.status, "cancelled");
  assert.notEqual(batch.completed_at, null);
  const { rows } = await t.owner.query(
    "select event from ingest.outbox where subject = 'batch.cancelled' and event->>'batch_id' = $1",
    [batchId],
  );
  assert.equal(rows.length, 1);
  assert.equal(rows[0].event.cancelled_at, batch.completed_at);
});

test("two cancellations at once tell the others once", async () => {
  const { batchId } = await uploadedBatch(t.app);
  const answers = await Promise.all([1, 2, 3, 4].map(() => post(`/batches/${batchId}/cancel`)));
  assert.deepEqual(
    answers.map(({ statusCode }) => statusCode),
    [202, 202, 202, 202],
  );
  const { rows } = await t.owner.query(
    "select 1 from ingest.outbox where subject = 'batch.cancelled' and event->>'batch_id' = $1",
    [batchId],
  );
  assert.equal(rows.length, 1);
});

test("a completed batch can be cancelled: its webhooks stop", async () => {
  const { batchId } = await uploadedBatch(t.app);
  await setRun(t.owner, uuidOfBatchId(batchId), { status: "completed", valid: 2 });
  assert.equal((await post(`/batches/${batchId}/cancel`)).statusCode, 202);
  assert.equal((await statusOf(batchId)).status, "cancelled");
});

test("a failed batch cannot be cancelled", async () => {
  const { batchId } = await uploadedBatch(t.app);
  await setRun(t.owner, uuidOfBatchId(batchId), { status: "failed", error: "broken" });
  const response = await post(`/batches/${batchId}/cancel`);
  assert.equal(response.statusCode, 409);
  assert.equal(codeOf(response), "BATCH_NOT_CANCELLABLE");
  assert.equal((await statusOf(batchId)).status, "failed");
});

test("a POST that needs no body takes any, up to a bound", async () => {
  const { batchId } = await uploadedBatch(t.app);
  const url = `/batches/${batchId}/cancel`;
  for (const type of ["application/json", "application/x-www-form-urlencoded", "text/plain"]) {
    const headers = { ...AUTH, "content-type": type };
    const response = await t.app.inject({ method: "POST", url, headers, payload: "" });
    assert.equal(response.statusCode, 202, `${type}: ${response.body}`);
  }
  const headers = { ...AUTH, "content-type": "text/plain" };
  const payload = "x".repeat(100_000);
  const response = await t.app.inject({ method: "POST", url, headers, payload });
  assert.equal(response.statusCode, 413);
  assert.equal(codeOf(response), "BODY_TOO_LARGE");
});

test("the list pages through every batch once, newest first, within one millisecond too", async () => {
  await using own = await createTestApp();
  const ids: string[] = [];
  for (let turn = 0; turn < 7; turn += 1) ids.push((await uploadedBatch(own.app)).batchId);
  // Microseconds apart: a cursor in milliseconds would skip or repeat some.
  for (const [index, id] of ids.entries()) {
    await own.owner.query(
      `update ingest.batches set created_at = timestamptz '2026-11-22 10:00:00.123Z'
       + $2 * interval '1 microsecond' where batch_id = $1`,
      [uuidOfBatchId(id), Math.floor(index / 2)],
    );
  }
  const seen: string[] = [];
  let cursor: string | null = "";
  while (cursor !== null) {
    const url: string = `/batches?limit=2${cursor === "" ? "" : `&cursor=${cursor}`}`;
    const page: BatchPage = (await own.app.inject({ url, headers: AUTH })).json();
    seen.push(...page.batches.map((batch) => batch.batch_id));
    cursor = page.next_cursor;
  }
  assert.deepEqual(seen, ids.toReversed());
});

test("the list filters by status, computed ones included", async () => {
  await using own = await createTestApp();
  const { batchId: done } = await uploadedBatch(own.app);
  const { batchId: waiting } = await uploadedBatch(own.app);
  const { batchId: stopped } = await uploadedBatch(own.app);
  await setRun(own.owner, uuidOfBatchId(done), { status: "completed" });
  await own.app.inject({ method: "POST", url: `/batches/${stopped}/cancel`, headers: AUTH });
  for (const [status, id] of Object.entries({
    completed: done,
    pending: waiting,
    cancelled: stopped,
  })) {
    const page: BatchPage = (
      await own.app.inject({ url: `/batches?status=${status}`, headers: AUTH })
    ).json();
    assert.deepEqual(
      page.batches.map((batch) => batch.batch_id),
      [id],
    );
  }
});

for (const [query, code] of [
  ["limit=0", "REQUEST_INVALID"],
  ["limit=201", "REQUEST_INVALID"],
  ["limit=ten", "REQUEST_INVALID"],
  ["status=lost", "REQUEST_INVALID"],
  ["colour=red", "REQUEST_INVALID"],
  ["cursor=nonsense", "CURSOR_INVALID"],
] as const) {
  test(`the list refuses ${query}`, async () => {
    const response = await get(`/batches?${query}`);
    assert.equal(response.statusCode, 400);
    assert.equal(codeOf(response), code);
  });
}

test("results come when they are there, under a name of ours", async () => {
  const { batchId } = await uploadedBatch(t.app);
  const url = `/download_results/${batchId}`;
  const pending = await get(url);
  assert.deepEqual([pending.statusCode, codeOf(pending)], [409, "RESULTS_NOT_READY"]);
  await setRun(t.owner, uuidOfBatchId(batchId), { status: "processing" });
  assert.equal(codeOf(await get(url)), "RESULTS_NOT_READY");

  const resultsKey = `results/${uuidOfBatchId(batchId)}.csv`;
  await setRun(t.owner, uuidOfBatchId(batchId), { status: "completed", resultsKey });
  const gone = await get(url);
  assert.deepEqual([gone.statusCode, codeOf(gone)], [410, "RESULTS_GONE"]);

  await mkdir(join(t.folder, "results"), { recursive: true });
  await writeFile(join(t.folder, resultsKey), "row,status\n1,valid\n");
  const results = await get(url);
  assert.equal(results.statusCode, 200);
  assert.equal(results.body, "row,status\n1,valid\n");
  assert.equal(results.headers["content-type"], "text/csv; charset=utf-8");
  assert.equal(
    results.headers["content-disposition"],
    `attachment; filename="results-${batchId}.csv"`,
  );
});

test("a batch that failed has no results to come", async () => {
  const { batchId } = await uploadedBatch(t.app);
  await setRun(t.owner, uuidOfBatchId(batchId), { status: "failed", error: "broken" });
  const response = await get(`/download_results/${batchId}`);
  assert.deepEqual([response.statusCode, codeOf(response)], [404, "RESULTS_NOT_MADE"]);
});

test("errors alone can be had, and results without the byte order mark", async () => {
  const { batchId } = await uploadedBatch(t.app);
  const batchUuid = uuidOfBatchId(batchId);
  const resultsKey = `results/${batchUuid}.csv`;
  await setRun(t.owner, batchUuid, { status: "completed", resultsKey });
  await mkdir(join(t.folder, "results"), { recursive: true });
  await writeFile(join(t.folder, resultsKey), "\ufeffrow,status\n1,valid\n");
  const url = `/download_results/${batchId}`;
  assert.equal((await get(url)).rawPayload.subarray(0, 3).toString("hex"), "efbbbf");
  assert.equal((await get(`${url}?bom=0`)).body, "row,status\n1,valid\n");
  const none = await get(`${url}?only=errors`);
  assert.deepEqual([none.statusCode, codeOf(none)], [404, "RESULTS_NO_ERRORS"]);

  const errorsKey = `errors/${batchUuid}.csv`;
  await t.owner.query("update validation.runs set errors_object_key = $2 where batch_id = $1", [
    batchUuid,
    errorsKey,
  ]);
  await mkdir(join(t.folder, "errors"), { recursive: true });
  await writeFile(join(t.folder, errorsKey), "\ufefffirst_name\nAda\n");
  const errors = await get(`${url}?only=errors&bom=0`);
  assert.equal(errors.body, "first_name\nAda\n");
  assert.match(String(errors.headers["content-disposition"]), /"errors-batch_/);
  assert.equal((await get(`${url}?only=warnings`)).statusCode, 400);
});

test("results behind a store that fails are a 503", async () => {
  const store: ObjectStore = {
    put: async () => undefined,
    get: async () => Promise.reject(new Error("the store is away")),
    delete: async () => undefined,
    list: () => Readable.from([]),
    removeLeftovers: async () => 0,
    check: async () => undefined,
    [Symbol.asyncDispose]: async () => undefined,
  };
  await using broken = await createTestApp({ store, db: t.db });
  const { batchId } = await uploadedBatch(t.app);
  const resultsKey = "results/x.csv";
  await setRun(t.owner, uuidOfBatchId(batchId), { status: "completed", resultsKey });
  const url = `/download_results/${batchId}`;
  const response = await broken.app.inject({ url, headers: AUTH });
  assert.deepEqual([response.statusCode, codeOf(response)], [503, "OBJECT_STORE_UNAVAILABLE"]);
});

test("a database that is away is a 503 everywhere, not a fault of ours", async () => {
  await using away = databaseAt("postgres://nobody@127.0.0.1:1/none");
  await using broken = await createTestApp({ db: away });
  for (const [method, url] of [
    ["GET", "/batches"],
    ["POST", "/upload_batch"],
    ["GET", "/batch_status/batch_00000000000000000000000000"],
  ] as const) {
    const response = await broken.app.inject({ method, url, headers: AUTH });
    assert.deepEqual([response.statusCode, codeOf(response)], [503, "DATABASE_UNAVAILABLE"]);
    assert.equal(response.headers["retry-after"], "5");
  }
});

test("a mistake of ours is a 500 that tells nothing", async () => {
  await using own = await createTestApp();
  await own.owner.query("alter table validation.runs rename to runs_away");
  const response = await own.app.inject({ url: "/batches", headers: AUTH });
  assert.deepEqual([response.statusCode, codeOf(response)], [500, "INTERNAL"]);
  assert.doesNotMatch(response.body, /runs|relation/);
});
