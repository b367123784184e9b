import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { pathToFileURL } from "node:url";

import { batchIdOfUuid } from "@valify/contracts";
import { ReplayPage, ReplayView } from "@valify/contracts/api";
import { createMetrics, createObjectStore } from "@valify/runtime";

import { addBatch, addDelivery, addEndpoint, addLeads } from "./delivery-fixture.ts";
import { housekeepingJobs } from "./housekeeping.ts";
import { replaysOf } from "./replay-fixture.ts";
import {
  AUTH,
  codeOf,
  createTestApp,
  OTHER_AUTH,
  OTHER_TENANT_ID,
  type TestApp,
} from "./test-support.ts";

// Goal: what one may ask for, and what is told of it.
let t: TestApp;
let replays: ReturnType<typeof replaysOf>;
before(async () => {
  t = await createTestApp();
  replays = replaysOf(t);
});
after(() => t[Symbol.asyncDispose]());

test("failed deliveries are counted first, by endpoint, batch or time, and nothing is queued", async () => {
  const [endpointId, otherId] = [await addEndpoint(t.owner), await addEndpoint(t.owner)];
  const batchUuid = await addBatch(t.owner);
  await replays.addFailed(batchUuid, endpointId, 3);
  await replays.addFailed(batchUuid, otherId, 4);
  for (const state of ["delivered", "waiting", "sending", "cancelled", "held"]) {
    await addDelivery(t.owner, { batchUuid, endpointId, state });
  }
  await addDelivery(t.owner, { batchUuid, state: "exhausted" }); // its endpoint was deleted
  const batch_id = batchIdOfUuid(batchUuid);
  const from = new Date(Date.now() - 60_000).toISOString();
  const to = new Date(Date.now() - 50_000).toISOString();
  assert.equal(await replays.planned({ batch_id }), 7);
  assert.equal(await replays.planned({ endpoint_id: endpointId }), 3);
  assert.equal(await replays.planned({ batch_id, endpoint_id: otherId }), 4);
  assert.equal(await replays.planned({ batch_id, from }), 7);
  assert.equal(await replays.planned({ batch_id, from, to }), 0);
  assert.deepEqual(await replays.workOff(), []);
  const unbounded = await replays.post("/replays", { scope: "failed" });
  assert.deepEqual([unbounded.statusCode, codeOf(unbounded)], [400, "REQUEST_INVALID"]);
});

test("asking again while it runs is answered with the same replay", async () => {
  const endpointId = await addEndpoint(t.owner);
  const batchUuid = await addBatch(t.owner);
  await replays.addFailed(batchUuid, endpointId, 3);
  const asked = { batch_id: batchIdOfUuid(batchUuid) };
  const [first, second] = await Promise.all([replays.start(asked), replays.start(asked)]);
  assert.equal(first.replay_id, second.replay_id);
  assert.equal((await replays.workOff()).length, 3);
  assert.notEqual((await replays.start(asked)).replay_id, first.replay_id);
  await replays.workOff();
});

test("another tenant's deliveries are never replayed, nor its replays seen", async () => {
  const mine = await addEndpoint(t.owner);
  const batchUuid = await addBatch(t.owner);
  await replays.addFailed(batchUuid, mine, 2);
  const asked = { batch_id: batchIdOfUuid(batchUuid), endpoint_id: mine };
  const response = await replays.post("/replays", asked, OTHER_AUTH);
  assert.equal(ReplayView.parse(response.json()).planned, 0);
  assert.deepEqual(await replays.workOff(), []);
  const { replay_id } = await replays.start(asked);
  for (const [method, url] of [
    ["GET", `/replays/${replay_id}`],
    ["POST", `/replays/${replay_id}/cancel`],
  ] as const) {
    const refused = await t.app.inject({ method, url, headers: OTHER_AUTH, payload: {} });
    assert.deepEqual([refused.statusCode, codeOf(refused)], [404, "REPLAY_NOT_FOUND"]);
  }
  const page = await t.app.inject({ url: "/replays", headers: OTHER_AUTH });
  assert.ok(!page.body.includes(replay_id));
  const other = await addBatch(t.owner, { tenantId: OTHER_TENANT_ID });
  assert.equal(await replays.planned({ batch_id: batchIdOfUuid(other) }), 0);
  await replays.workOff();
});

test("replays are listed once each, newest first, in pages", async () => {
  // Of one instant, so that only the second part of the place tells them apart.
  await t.owner.query(
    `insert into ingest.replays (tenant_id, scope, planned_count, status, ended_at)
     select tenant_id, 'failed', 0, 'completed', now() from ingest.tenants, generate_series(1, 7)
     where name = 'default'`,
  );
  const found: string[] = [];
  let cursor = "";
  do {
    const from = cursor === "" ? "" : `&cursor=${cursor}`;
    const response = await t.app.inject({ url: `/replays?limit=3${from}`, headers: AUTH });
    const page = ReplayPage.parse(response.json());
    found.push(...page.replays.map(({ replay_id: id }) => id));
    cursor = page.next_cursor ?? "";
  } while (cursor !== "");
  const { rows } = await t.owner.query(
    `select replay_id from ingest.replays join ingest.tenants using (tenant_id)
     where name = 'default' order by ingest.replays.created_at desc, replay_id desc`,
  );
  assert.deepEqual(
    found,
    rows.map(({ replay_id: id }) => id),
  );
  assert.ok(found.length >= 7);
});

test("a tenant runs twenty replays at most", async () => {
  await t.owner.query(
    `insert into ingest.replays (tenant_id, scope, endpoint_id, planned_count)
     select tenant_id, 'failed', gen_random_uuid(), 0 from ingest.tenants, generate_series(1, 20)
     where name = 'default'`,
  );
  const batch_id = batchIdOfUuid(await addBatch(t.owner));
  const response = await replays.post("/replays", { batch_id });
  assert.deepEqual([response.statusCode, codeOf(response)], [409, "REPLAY_LIMIT_REACHED"]);
  await replays.workOff();
});

test("a replay is forgotten ninety days after its end, with all that it wrote down", async () => {
  const batchUuid = await addBatch(t.owner);
  const endpointId = await addEndpoint(t.owner);
  await addLeads(t.owner, batchUuid, 3);
  await replays.start({
    scope: "missing",
    batch_id: batchIdOfUuid(batchUuid),
    endpoint_id: endpointId,
  });
  await replays.workOff();
  const { rows } = await t.owner.query("select count(*) from ingest.replay_targets");
  assert.equal(String(rows[0].count), "3");
  const job = housekeepingJobs({
    db: t.db,
    store: await createObjectStore({ OBJECT_STORE_URL: pathToFileURL(t.folder).href }),
    metrics: createMetrics("ingest", "test"),
    uploadRetentionMs: 0,
  }).find(({ name }) => name === "ended_replays");
  const { signal } = new AbortController();
  const runAfterDays = (days: number) =>
    job?.run({ now: new Date(Date.now() + days * 86_400_000), signal });
  assert.deepEqual(await runAfterDays(89), { deleted: 0 });
  await runAfterDays(91);
  for (const table of ["replays", "replay_targets"]) {
    const left = await t.owner.query(`select count(*) from ingest.${table}`);
    assert.equal(String(left.rows[0].count), "0");
  }
});
