import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { after, before, beforeEach, test } from "node:test";
import { pathToFileURL } from "node:url";

import {
  batchIdOfUuid,
  type ErasureCleared,
  type ErasureRequested,
  uuidOfBatchId,
} from "@valify/contracts";
import { ErasurePage, ErasurePreview, ErasureView } from "@valify/contracts/api";
import { createLeadHash } from "@valify/database";
import { createObjectStore, type ObjectStore, readObject } from "@valify/runtime";

import { DEFAULT_TENANT_ID } from "./bootstrap.ts";
import { addBatch, addDelivery } from "./delivery-fixture.ts";
import { createErasureClearedHandler } from "./erasure-cleared-handler.ts";
import { erasureJobs } from "./erasure-upkeep.ts";
import {
  AUTH,
  codeOf,
  createTestApp,
  OTHER_AUTH,
  SECRET_KEY,
  setRun,
  type TestApp,
  uploadedBatch,
} from "./test-support.ts";

const ID = "zelka.vlorena.15031990";
const SERVICES = ["validator", "scheduler", "webhook-dispatcher"] as const;
const leadHash = createLeadHash(SECRET_KEY);

let t: TestApp;
let store: ObjectStore;
before(async () => {
  t = await createTestApp();
  store = await createObjectStore({ OBJECT_STORE_URL: pathToFileURL(t.folder).href });
});
after(() => t[Symbol.asyncDispose]());
beforeEach(async () => {
  await t.owner.query("truncate validation.leads, ingest.erasures, ingest.outbox");
  await rm(join(t.folder, "erasures"), { recursive: true, force: true });
});

function post(payload: object, headers: Record<string, string> = AUTH, url = "/erasures") {
  return t.app.inject({ method: "POST", url, headers, payload });
}

async function preview(payload: object): Promise<ErasurePreview> {
  const response = await post(payload);
  assert.equal(response.statusCode, 200, response.body);
  return ErasurePreview.parse(response.json());
}

async function erase(payload: object): Promise<ErasureView> {
  const response = await post(payload);
  assert.equal(response.statusCode, 202, response.body);
  const view = ErasureView.parse(response.json());
  assert.equal(response.headers["location"], `/erasures/${view.erasure_id}`);
  return view;
}

async function viewOf(erasureId: string): Promise<ErasureView> {
  const response = await t.app.inject({ url: `/erasures/${erasureId}`, headers: AUTH });
  return ErasureView.parse(response.json());
}

let lastRow = 0;
/** Plays the validator. */
async function addLead(batchUuid: string, lead: Partial<Record<string, unknown>> = {}) {
  const leadUuid = randomUUID();
  const { leadId = ID, dobDate = "1990-03-15", tenantId = DEFAULT_TENANT_ID, erased = null } = lead;
  await t.owner.query(
    `insert into validation.leads (lead_uuid, batch_id, row_number, line_number, tenant_id, lead_id,
       slug_version, first_name, last_name, dob, dob_date, status, errors, warnings, validated_at,
       webhook_scheduled_for, erased_at)
     values ($1, $2, $3, 2, $4, $5, 1, 'Zelka', 'Vlorena', '15/03/1990', $6, 'valid', '[]', '[]',
       now(), '2026-12-01T10:00:00Z', $7)`,
    [leadUuid, batchUuid, (lastRow += 1), tenantId, leadId, dobDate, erased],
  );
  return leadUuid;
}

async function outbox(subject: string) {
  const { rows } = await t.owner.query(
    "select event from ingest.outbox where subject = $1 order by outbox_id",
    [subject],
  );
  return rows.map(({ event }) => event);
}

function clear(event: ErasureCleared, files: Pick<ObjectStore, "delete"> = store) {
  const deps = { db: t.db, store: files, wakeOutbox: () => {}, now: () => new Date() };
  return createErasureClearedHandler(deps)(event);
}

function clearedBy(service: (typeof SERVICES)[number], erasureId: string, attempt = 1) {
  const ids = { erasure_id: erasureId, tenant_id: DEFAULT_TENANT_ID, attempt, service };
  return clear({ ...ids, cleared_at: "2026-11-26T10:00:00.000Z" });
}

function job(name: string, laterMs = 0) {
  const jobs = erasureJobs({ db: t.db, store, wakeOutbox: () => {} });
  const now = new Date(Date.now() + laterMs);
  return jobs.find((one) => one.name === name)?.run({ now, signal: new AbortController().signal });
}

test("a preview shows every row that may be the person's, masked, and changes nothing", async () => {
  const { batchId } = await uploadedBatch(t.app);
  const [batchUuid, other] = [uuidOfBatchId(batchId), await addBatch(t.owner)];
  await setRun(t.owner, batchUuid, { status: "completed", resultsKey: "results/x.csv" });
  const first = await addLead(batchUuid);
  const [second, unread] = [
    await addLead(other),
    await addLead(other, { leadId: "zelka.vlorena.00000000", dobDate: null }),
  ];
  await addLead(other, { leadId: "zelka.vlorena.16031990" });
  await addLead(other, { erased: new Date() });
  await addDelivery(t.owner, { batchUuid, leadUuid: first, state: "delivered" });
  await addDelivery(t.owner, { batchUuid, leadUuid: first, state: "waiting" });

  for (const named of [{ lead_id: ID }, { lead_uuid: first }]) {
    const { matches, ...rest } = await preview(named);
    assert.deepEqual(rest, { has_more: false, unfinished_batches: 1, is_suppressed: false });
    assert.deepEqual(
      matches.map(({ lead_uuid, matched_by }) => [lead_uuid, matched_by]),
      [
        [first, "lead_id"],
        [second, "lead_id"],
        [unread, "name"],
      ],
    );
    const [match] = matches;
    assert.deepEqual(
      [match?.masked_first_name, match?.masked_last_name, match?.masked_dob, match?.batch_id],
      ["Z•••", "V•••", "••/••/1990", batchId],
    );
    const held = { upload: true, results: true, deliveries_sent: 1, deliveries_pending: 1 };
    assert.deepEqual(match?.held, { ...held, attempts: 2 });
    assert.equal(matches[1]?.held.deliveries_pending, 1, "its webhook is still to come");
  }
  assert.deepEqual(await outbox("erasure.requested"), []);
});

test("what is confirmed is told to every service, by ids and keyed hashes alone", async () => {
  const batchUuid = await addBatch(t.owner);
  const [one, two] = [await addLead(batchUuid), await addLead(batchUuid)];
  const { erasure_id, leads, status } = await erase({ lead_id: ID, confirm: [two] });
  assert.equal(status, "running");
  assert.deepEqual(leads, [{ lead_uuid: two, batch_id: batchIdOfUuid(batchUuid) }]);
  const events: ErasureRequested[] = await outbox("erasure.requested");
  const tombstones = [leadHash(DEFAULT_TENANT_ID, ID)];
  assert.equal(events.length, 1);
  assert.deepEqual(events[0]?.tombstones, tombstones);
  assert.deepEqual(events[0]?.leads[0]?.webhook_scheduled_for, "2026-12-01T10:00:00.000Z");
  const { rows } = await t.owner.query("select * from ingest.erasures");
  const kept = await readFile(
    join(t.folder, "erasures", DEFAULT_TENANT_ID, `${erasure_id}.json`),
    "utf8",
  );
  const written = JSON.stringify([events, rows, await auditLog()]) + kept;
  assert.doesNotMatch(written, /zelka|vlorena|1990/i);

  // Whoever did not hear the answer asks again.
  assert.equal((await erase({ lead_id: ID, confirm: [two] })).erasure_id, erasure_id);
  assert.equal((await erase({ lead_uuid: two, confirm: [two] })).erasure_id, erasure_id);
  assert.equal((await outbox("erasure.requested")).length, 1);
  assert.notEqual((await erase({ lead_id: ID, confirm: [one, two] })).erasure_id, erasure_id);
});

async function auditLog() {
  const { rows } = await t.owner.query(
    "select * from ingest.audit_log where action like 'erasure%'",
  );
  return rows;
}

test("of whom nothing is held a tombstone is asked for, but of no id that many people share", async () => {
  assert.deepEqual((await erase({ lead_id: ID, confirm: [] })).leads, []);
  const unread = { leadId: "zelka.vlorena.00000000", dobDate: null };
  const uuid = await addLead(await addBatch(t.owner), unread);
  await erase({ lead_uuid: uuid, confirm: [uuid] });
  const events: ErasureRequested[] = await outbox("erasure.requested");
  assert.deepEqual(
    events.map(({ tombstones }) => tombstones),
    [[leadHash(DEFAULT_TENANT_ID, ID)], []],
  );
});

const refusals: readonly (readonly [
  string,
  (uuid: string, other: string) => object,
  number,
  string,
])[] = [
  [
    "a row of somebody else",
    (uuid, other) => ({ lead_id: ID, confirm: [uuid, other] }),
    409,
    "ERASURE_MISMATCH",
  ],
  [
    "a row that is not there",
    () => ({ lead_id: ID, confirm: [randomUUID()] }),
    404,
    "LEAD_NOT_FOUND",
  ],
  ["a lead that is not there", () => ({ lead_uuid: randomUUID() }), 404, "LEAD_NOT_FOUND"],
  ["no row at all", (uuid) => ({ lead_uuid: uuid, confirm: [] }), 400, "REQUEST_INVALID"],
  ["two names at once", (uuid) => ({ lead_id: ID, lead_uuid: uuid }), 400, "REQUEST_INVALID"],
  ["an id of another form", () => ({ lead_id: "Zelka Vlorena" }), 400, "REQUEST_INVALID"],
];
for (const [what, payloadOf, status, code] of refusals) {
  test(`${what} is refused, and nothing is asked for`, async () => {
    const batchUuid = await addBatch(t.owner);
    const uuid = await addLead(batchUuid);
    const other = await addLead(batchUuid, { leadId: "zelko.vlorena.16031990" });
    const response = await post(payloadOf(uuid, other));
    assert.deepEqual([response.statusCode, codeOf(response)], [status, code]);
    assert.doesNotMatch(response.body, /zelk|vlorena/i);
    assert.deepEqual(await outbox("erasure.requested"), []);
  });
}

test("another tenant finds and erases nothing of it", async () => {
  const batchUuid = await addBatch(t.owner);
  const uuid = await addLead(batchUuid);
  const looked = await post({ lead_id: ID }, OTHER_AUTH);
  assert.deepEqual(ErasurePreview.parse(looked.json()).matches, []);
  assert.equal((await post({ lead_id: ID, confirm: [uuid] }, OTHER_AUTH)).statusCode, 404);
});

test("it is complete when all three services are done and the uploads are gone", async () => {
  const { batchId } = await uploadedBatch(t.app);
  const batchUuid = uuidOfBatchId(batchId);
  const uuid = await addLead(batchUuid);
  const { erasure_id: id } = await erase({ lead_id: ID, confirm: [uuid] });
  const key = `uploads/${DEFAULT_TENANT_ID}/${batchUuid}.csv`;
  for (const service of ["scheduler", "webhook-dispatcher"] as const) {
    for (let time = 0; time < 2; time += 1) await clearedBy(service, id);
  }
  await clearedBy("validator", id, 7);
  assert.equal((await viewOf(id)).status, "running");
  assert.ok((await readObject(store, key, 1e6)) !== undefined, "a batch at work needs its file");
  await clearedBy("validator", id);
  await clearedBy("validator", id);

  assert.equal(await readObject(store, key, 1e6), undefined);
  const { status, cleared, completed_at } = await viewOf(id);
  assert.equal(status, "completed");
  assert.ok(completed_at !== null && Object.values(cleared).every((at) => at !== null));
  const told = await outbox("lead.erased");
  assert.deepEqual(
    told.map(({ lead_uuid, batch_id, erasure_id }) => [lead_uuid, batch_id, erasure_id]),
    [[uuid, batchId, id]],
  );
  const { rows } = await t.owner.query(
    "select upload_deleted_at is not null as deleted from ingest.batches where batch_id = $1",
    [batchUuid],
  );
  assert.equal(rows[0].deleted, true);
});

test("one that died between the files and the mark is completed by the next", async () => {
  const { batchId } = await uploadedBatch(t.app);
  const uuid = await addLead(uuidOfBatchId(batchId));
  const { erasure_id: id } = await erase({ lead_id: ID, confirm: [uuid] });
  await clearedBy("scheduler", id);
  await clearedBy("webhook-dispatcher", id);
  const away = { delete: () => Promise.reject(new Error("the store is away")) };
  const ids = { erasure_id: id, tenant_id: DEFAULT_TENANT_ID, attempt: 1 };
  const event = { ...ids, service: "validator", cleared_at: "2026-11-26T10:00:00.000Z" } as const;
  await assert.rejects(clear(event, away));
  assert.equal((await viewOf(id)).status, "running");
  await clear(event);
  assert.equal((await viewOf(id)).status, "completed");
  assert.equal((await outbox("lead.erased")).length, 1);
});

test("an erasure that stays open is told again, and only then", async () => {
  const { erasure_id: id } = await erase({ lead_id: ID, confirm: [] });
  assert.deepEqual(await job("open_erasures"), { told: 0 });
  assert.deepEqual(await job("open_erasures", 11 * 60_000), { told: 1 });
  const attempts = (await outbox("erasure.requested")).map(({ attempt }) => attempt);
  assert.deepEqual(attempts, [1, 2]);
  for (const service of SERVICES) await clearedBy(service, id, 2);
  assert.equal((await viewOf(id)).status, "completed");
  assert.deepEqual(await job("open_erasures", 60 * 60_000), { told: 0 });
});

test("after a restore what was asked is known again by itself, and all of it on demand", async () => {
  const batchUuid = await addBatch(t.owner);
  const uuid = await addLead(batchUuid);
  const { erasure_id: id } = await erase({ lead_id: ID, confirm: [uuid] });
  const { erasure_id: kept } = await erase({ lead_id: "zelko.vlorena.15031990", confirm: [] });
  for (const service of SERVICES) for (const one of [id, kept]) await clearedBy(service, one);
  assert.deepEqual(await job("lost_erasures"), { found: 0 });

  // The database comes back from a backup of before.
  await t.owner.query("delete from ingest.erasures where erasure_id = $1", [id]);
  await t.owner.query("truncate ingest.outbox");
  assert.deepEqual(await job("lost_erasures"), { found: 1 });
  const [again] = await outbox("erasure.requested");
  assert.deepEqual([again.erasure_id, again.leads[0].lead_uuid], [id, uuid]);
  assert.deepEqual(again.tombstones, [leadHash(DEFAULT_TENANT_ID, ID)]);

  const replayed = await post({}, AUTH, "/erasure_replays");
  assert.deepEqual(replayed.json(), { replayed: 2 });
  assert.equal((await viewOf(kept)).status, "running");
  for (const service of SERVICES) await clearedBy(service, kept, 2);
  assert.equal((await viewOf(kept)).status, "completed");
  assert.deepEqual((await post({}, OTHER_AUTH, "/erasure_replays")).json(), { replayed: 0 });
});

test("the list comes newest first, in pages", async () => {
  const ids: string[] = [];
  for (const letter of ["a", "b", "c"]) {
    ids.unshift((await erase({ lead_id: `${letter}.vlorena.15031990`, confirm: [] })).erasure_id);
  }
  const seen: string[] = [];
  for (let cursor: string | null = ""; cursor !== null;) {
    const url = `/erasures?limit=2${cursor && `&cursor=${cursor}`}`;
    const page = ErasurePage.parse((await t.app.inject({ url, headers: AUTH })).json());
    seen.push(...page.erasures.map(({ erasure_id: id }) => id));
    cursor = page.next_cursor;
  }
  assert.deepEqual(seen, ids);
});
