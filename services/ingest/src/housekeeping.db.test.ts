import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { readdir, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { pathToFileURL } from "node:url";

import { uuidOfBatchId } from "@valify/contracts";
import { createMetrics, createObjectStore, type ObjectStore } from "@valify/runtime";

import { DEFAULT_TENANT_ID } from "./bootstrap.ts";
import { addLeads } from "./delivery-fixture.ts";
import { housekeepingJobs } from "./housekeeping.ts";
import { AUTH, createTestApp, setRun, type TestApp, uploadedBatch } from "./test-support.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

let t: TestApp;
let store: ObjectStore;
before(async () => {
  t = await createTestApp();
  store = await createObjectStore({ OBJECT_STORE_URL: pathToFileURL(t.folder).href });
});
after(() => t[Symbol.asyncDispose]());

/** As if it ran this much later than now. */
async function run(name: string, laterMs = 0, signal = new AbortController().signal) {
  const jobs = housekeepingJobs({
    db: t.db,
    store,
    metrics: createMetrics("ingest", "test"),
    uploadRetentionMs: 7 * DAY_MS,
  });
  const job = jobs.find((candidate) => candidate.name === name);
  assert.ok(job !== undefined, name);
  return job.run({ now: new Date(Date.now() + laterMs), signal });
}

function keyOf(batchUuid: string): string {
  return `uploads/${DEFAULT_TENANT_ID}/${batchUuid}.csv`;
}

async function isKept(batchUuid: string): Promise<boolean> {
  const files = await readdir(join(t.folder, "uploads", DEFAULT_TENANT_ID));
  return files.includes(`${batchUuid}.csv`);
}

async function uploaded(): Promise<string> {
  const { batchId } = await uploadedBatch(t.app);
  return uuidOfBatchId(batchId);
}

/** An object of an upload that died before its batch row. */
async function orphan(ageMs: number): Promise<string> {
  const batchUuid = randomUUID();
  await store.put(keyOf(batchUuid), new TextEncoder().encode("x"));
  const at = new Date(Date.now() - ageMs);
  await utimes(join(t.folder, keyOf(batchUuid)), at, at);
  return batchUuid;
}

test("sessions that ended are deleted, others stay", async () => {
  await t.owner.query(`
    insert into ingest.sessions (session_hash, tenant_id, api_key_id, expires_at)
    select decode(md5(minutes || api_key_id::text), 'hex'), tenant_id, api_key_id,
      now() + minutes * interval '1 minute'
    from ingest.api_keys cross join (values (-60), (-1), (60)) as m (minutes)`);
  const countBefore = await sessionCount();
  const did = await run("expired_sessions");
  const ended = (countBefore / 3) * 2;
  assert.deepEqual(did, { deleted: ended });
  assert.equal(await sessionCount(), countBefore - ended);
});

async function sessionCount(): Promise<number> {
  const { rows } = await t.owner.query<{ count: number }>(
    "select count(*)::int as count from ingest.sessions",
  );
  return rows[0]?.count ?? 0;
}

test("an upload is deleted once its retention is over, and its validation has ended", async () => {
  const [ended, running, waiting] = [await uploaded(), await uploaded(), await uploaded()];
  await setRun(t.owner, ended, { status: "completed" });
  await setRun(t.owner, running, { status: "processing" });
  assert.deepEqual(await run("expired_uploads", 7 * DAY_MS - HOUR_MS), { deleted: 0 });
  assert.ok(await isKept(ended));

  assert.deepEqual(await run("expired_uploads", 7 * DAY_MS + HOUR_MS), { deleted: 1 });
  assert.deepEqual(await Promise.all([ended, running, waiting].map(isKept)), [false, true, true]);
  assert.deepEqual(await run("expired_uploads", 7 * DAY_MS + HOUR_MS), { deleted: 0 });

  await setRun(t.owner, running, { status: "failed" });
  assert.deepEqual(await run("expired_uploads", 7 * DAY_MS + HOUR_MS), { deleted: 1 });
});

test("an upload whose deletion was cut short is deleted by the next run", async () => {
  const batchUuid = await uploaded();
  await setRun(t.owner, batchUuid, { status: "completed" });
  await assert.rejects(run("expired_uploads", 8 * DAY_MS, AbortSignal.abort()));
  assert.ok(await isKept(batchUuid));
  // Killed between the object and the mark.
  await store.delete(keyOf(batchUuid));
  assert.deepEqual(await run("expired_uploads", 8 * DAY_MS), { deleted: 1 });
});

test("an upload with an erased person in it is deleted once its validation has ended, and no other", async () => {
  const [ended, running, other] = [await uploaded(), await uploaded(), await uploaded()];
  for (const batchUuid of [ended, running]) {
    const [leadUuid] = await addLeads(t.owner, batchUuid, 2);
    await t.owner.query("update validation.leads set erased_at = now() where lead_uuid = $1", [
      leadUuid,
    ]);
  }
  await addLeads(t.owner, other, 1);
  for (const batchUuid of [ended, other]) await setRun(t.owner, batchUuid, { status: "completed" });
  await setRun(t.owner, running, { status: "processing" });
  assert.deepEqual(await run("uploads_of_erased"), { deleted: 1 });
  assert.deepEqual(await Promise.all([ended, running, other].map(isKept)), [false, true, true]);
  assert.deepEqual(await run("uploads_of_erased"), { deleted: 0 });
});

test("an object without a batch is deleted after a day, and no other", async () => {
  const [old, young, known] = [
    await orphan(DAY_MS + HOUR_MS),
    await orphan(HOUR_MS),
    await uploaded(),
  ];
  const longAgo = new Date(Date.now() - 30 * DAY_MS);
  await utimes(join(t.folder, keyOf(known)), longAgo, longAgo);
  await store.put("uploads/not-ours", new Uint8Array());
  await utimes(join(t.folder, "uploads/not-ours"), longAgo, longAgo);

  assert.deepEqual(await run("orphaned_objects"), { deleted: 1, drafts: 0 });
  assert.deepEqual(await Promise.all([old, young, known].map(isKept)), [false, true, true]);
  assert.ok((await readdir(join(t.folder, "uploads"))).includes("not-ours"));
});

test("what was kept of an endpoint's creation, secret included, goes after a day", async () => {
  await t.app.inject({
    method: "POST",
    url: "/endpoints",
    headers: { ...AUTH, "idempotency-key": "monday" },
    payload: { url: "https://hooks.example.com/leads" },
  });
  assert.deepEqual(await run("old_endpoint_creations", 23 * HOUR_MS), { deleted: 0 });
  assert.deepEqual(await run("old_endpoint_creations", 25 * HOUR_MS), { deleted: 1 });
});

test("drafts of a killed put are deleted after a day", async () => {
  await uploaded();
  const draft = join(t.folder, "uploads", DEFAULT_TENANT_ID, ".draft-killed");
  await writeFile(draft, "half");
  assert.equal((await run("orphaned_objects"))["drafts"], 0);
  const longAgo = new Date(Date.now() - 2 * DAY_MS);
  await utimes(draft, longAgo, longAgo);
  assert.equal((await run("orphaned_objects"))["drafts"], 1);
});
