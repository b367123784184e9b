import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { pathToFileURL } from "node:url";

import { batchIdOfUuid, type WebhookRetry } from "@valify/contracts";
import { ReplayPage, ReplayView } from "@valify/contracts/api";
import { createMetrics, createObjectStore, deliveryIdOf } from "@valify/runtime";

import { addBatch, addDelivery, addEndpoint, addLeads } from "./delivery-fixture.ts";
import { housekeepingJobs } from "./housekeeping.ts";
import { runReplayTurn } from "./replay-worker.ts";
import {
  AUTH,
  codeOf,
  createTestApp,
  OTHER_AUTH,
  OTHER_TENANT_ID,
  type TestApp,
} from "./test-support.ts";

let t: TestApp;
before(async () => {
  t = await createTestApp();
});
after(() => t[Symbol.asyncDispose]());

const post = (url: string, payload: object = {}, headers = AUTH) =>
  t.app.inject({ method: "POST", url, headers, payload });

async function start(asked: object): Promise<ReplayView> {
  const response = await post("/replays", asked);
  assert.equal(response.statusCode, 202, response.body);
  return ReplayView.parse(response.json());
}

async function planned(asked: object): Promise<number> {
  const response = await post("/replays", { ...asked, dry_run: true });
  assert.equal(response.statusCode, 200, response.body);
  return response.json<{ planned: number }>().planned;
}

async function read(replayId: string): Promise<ReplayView> {
  const response = await t.app.inject({ url: `/replays/${replayId}`, headers: AUTH });
  return ReplayView.parse(response.json());
}

/** Works until nothing is left to do; returns what was published. */
async function workOff(): Promise<readonly WebhookRetry[]> {
  const events: WebhookRetry[] = [];
  const publishRetries = async (more: readonly WebhookRetry[]) => void events.push(...more);
  while (await runReplayTurn({ db: t.db, publishRetries }));
  return events;
}

/** Plays an outage: `count` failed deliveries, each in round 2. */
async function addFailed(batchUuid: string, endpointId: string, count: number) {
  const { rows } = await t.owner.query(
    `insert into delivery.deliveries (delivery_id, lead_uuid, endpoint_id, tenant_id, batch_id,
       state, round, wake_kind, attempts)
     select gen_random_uuid(), gen_random_uuid(), $2, b.tenant_id, b.batch_id, 'exhausted', 2, 1, 4
     from ingest.batches b, generate_series(1, $3) where b.batch_id = $1
     returning delivery_id`,
    [batchUuid, endpointId, count],
  );
  return rows.map(({ delivery_id: id }): string => id);
}

const idsOf = (events: readonly WebhookRetry[]) => events.map(({ id }) => id).toSorted();

test("failed deliveries are counted first, by endpoint, batch or time, and nothing is queued", async () => {
  const [endpointId, otherId] = [await addEndpoint(t.owner), await addEndpoint(t.owner)];
  const batchUuid = await addBatch(t.owner);
  await addFailed(batchUuid, endpointId, 3);
  await addFailed(batchUuid, otherId, 4);
  for (const state of ["delivered", "waiting", "sending", "cancelled", "held"]) {
    await addDelivery(t.owner, { batchUuid, endpointId, state });
  }
  await addDelivery(t.owner, { batchUuid, state: "exhausted" }); // its endpoint was deleted
  const batch_id = batchIdOfUuid(batchUuid);
  const from = new Date(Date.now() - 60_000).toISOString();
  const to = new Date(Date.now() - 50_000).toISOString();
  assert.equal(await planned({ batch_id }), 7);
  assert.equal(await planned({ endpoint_id: endpointId }), 3);
  assert.equal(await planned({ batch_id, endpoint_id: otherId }), 4);
  assert.equal(await planned({ batch_id, from }), 7);
  assert.equal(await planned({ batch_id, from, to }), 0);
  assert.deepEqual(await workOff(), []);
  const unbounded = await post("/replays", { scope: "failed" });
  assert.deepEqual([unbounded.statusCode, codeOf(unbounded)], [400, "REQUEST_INVALID"]);
});

test("a replay queues each delivery once, in its next round, across batches and chunks", async () => {
  const endpointId = await addEndpoint(t.owner);
  const expected: string[] = [];
  for (let ageMinutes = 45; ageMinutes > 0; ageMinutes -= 1) {
    const batchUuid = await addBatch(t.owner, { ageMinutes });
    if (ageMinutes % 15 === 0) expected.push(...(await addFailed(batchUuid, endpointId, 700)));
  }
  const cancelled = await addBatch(t.owner, { cancelled: true });
  await addFailed(cancelled, endpointId, 5);
  const replay = await start({ endpoint_id: endpointId });
  assert.deepEqual([replay.status, replay.planned, replay.queued], ["running", 2_100, 0]);
  const events = await workOff();
  assert.deepEqual(idsOf(events), expected.toSorted());
  assert.ok(events.every(({ kind, round }) => kind === 4 && round === 3));
  const { status, queued, ended_at } = await read(replay.replay_id);
  assert.deepEqual([status, queued, ended_at !== null], ["completed", 2_100, true]);
});

test("killed between publishing and counting, a successor publishes the same and counts once", async () => {
  const endpointId = await addEndpoint(t.owner);
  const batchUuid = await addBatch(t.owner);
  const expected = await addFailed(batchUuid, endpointId, 1_100);
  const replay = await start({ batch_id: batchIdOfUuid(batchUuid) });
  const published: WebhookRetry[] = [];
  const died = Promise.withResolvers<never>();
  const reached = Promise.withResolvers<void>();
  let turns = 0;
  const publishRetries = async (events: readonly WebhookRetry[]) => {
    published.push(...events);
    turns += 1;
    if (turns !== 2) return undefined;
    // The dispatcher is at work already on some of what went out.
    await t.owner.query(
      "update delivery.deliveries set state = 'delivered', round = 3 where delivery_id = any ($1)",
      [events.slice(0, 100).map(({ id }) => id)],
    );
    reached.resolve();
    return died.promise; // for ever: its process is gone
  };
  await runReplayTurn({ db: t.db, publishRetries });
  const dead = runReplayTurn({ db: t.db, publishRetries });
  await reached.promise;
  assert.deepEqual(await workOff(), [], "its lease holds");
  await t.owner.query("update ingest.replays set lease_until = now() where status = 'running'");
  published.push(...(await workOff()));

  const rounds = new Map(published.map(({ id, round }) => [id, round]));
  assert.deepEqual([...rounds.keys()].toSorted(), expected.toSorted());
  const distinct = new Set(published.map(({ id, round }) => `${id} ${round}`));
  assert.equal(distinct.size, 1_100, "a repeat is the same wake-up");
  assert.ok(published.length > 1_100, "one chunk went out twice");
  const { status, queued } = await read(replay.replay_id);
  assert.deepEqual([status, queued], ["completed", 1_100]);
  died.reject(new Error("came back"));
  await assert.rejects(dead);
  assert.equal((await read(replay.replay_id)).queued, 1_100);
});

const refuse = async () => Promise.reject(new Error("no acknowledgement"));

test("a broker that is away loses nothing and counts nothing twice", async () => {
  const endpointId = await addEndpoint(t.owner);
  const batchUuid = await addBatch(t.owner);
  const expected = await addFailed(batchUuid, endpointId, 10);
  const replay = await start({ batch_id: batchIdOfUuid(batchUuid) });
  await assert.rejects(runReplayTurn({ db: t.db, publishRetries: refuse }));
  assert.deepEqual(idsOf(await workOff()), expected.toSorted());
  assert.equal((await read(replay.replay_id)).queued, 10);
});

test("replicas share the work: every chunk is somebody's, none is two's", async () => {
  const endpointId = await addEndpoint(t.owner);
  const expected: string[] = [];
  for (let i = 0; i < 4; i += 1) {
    const batchUuid = await addBatch(t.owner);
    expected.push(...(await addFailed(batchUuid, endpointId, 600)));
    await start({ batch_id: batchIdOfUuid(batchUuid) });
  }
  const results = await Promise.all([workOff(), workOff(), workOff()]);
  const events = [...results.flat(), ...(await workOff())];
  assert.deepEqual(idsOf(events), expected.toSorted());
});

test("a cancelled replay queues nothing more, and is over", async () => {
  const endpointId = await addEndpoint(t.owner);
  const batchUuid = await addBatch(t.owner);
  await addFailed(batchUuid, endpointId, 1_200);
  const { replay_id } = await start({ batch_id: batchIdOfUuid(batchUuid) });
  const events: WebhookRetry[] = [];
  const publishRetries = async (more: readonly WebhookRetry[]) => void events.push(...more);
  await runReplayTurn({ db: t.db, publishRetries });
  const response = await post(`/replays/${replay_id}/cancel`);
  assert.equal(response.statusCode, 202);
  assert.deepEqual(await workOff(), []);
  const { status, queued } = await read(replay_id);
  assert.deepEqual([status, queued, events.length], ["cancelled", 500, 500]);
  const again = await post(`/replays/${replay_id}/cancel`);
  assert.deepEqual([again.statusCode, codeOf(again)], [409, "REPLAY_ENDED"]);
});

test("asking again while it runs is answered with the same replay", async () => {
  const endpointId = await addEndpoint(t.owner);
  const batchUuid = await addBatch(t.owner);
  await addFailed(batchUuid, endpointId, 3);
  const asked = { batch_id: batchIdOfUuid(batchUuid) };
  const [first, second] = await Promise.all([start(asked), start(asked)]);
  assert.equal(first.replay_id, second.replay_id);
  assert.equal((await workOff()).length, 3);
  assert.notEqual((await start(asked)).replay_id, first.replay_id);
  await workOff();
});

test("what an endpoint of later has missed is queued under the ids a first wake-up would have made", async () => {
  const batchUuid = await addBatch(t.owner);
  const [early, late] = [await addEndpoint(t.owner), await addEndpoint(t.owner, { send: "valid" })];
  const leads = await addLeads(t.owner, batchUuid, 700);
  await addLeads(t.owner, batchUuid, 5, { status: "invalid", firstRow: 1_000 });
  await addLeads(t.owner, batchUuid, 5, { status: "skipped", firstRow: 2_000 });
  await addLeads(t.owner, batchUuid, 5, { dueInMinutes: 10, firstRow: 3_000 });
  await addLeads(t.owner, batchUuid, 5, { firstRow: 4_000 });
  await t.owner.query("update validation.leads set erased_at = now() where row_number >= 4000");
  for (const leadUuid of leads.slice(0, 20)) {
    await addDelivery(t.owner, { batchUuid, leadUuid, endpointId: early, state: "delivered" });
  }
  const [known = ""] = leads;
  await addDelivery(t.owner, { batchUuid, leadUuid: known, endpointId: late, state: "waiting" });
  const asked = { scope: "missing", batch_id: batchIdOfUuid(batchUuid), endpoint_id: late };
  assert.equal(await planned(asked), 699);
  await start(asked);
  const events = await workOff();
  const expected = leads.slice(1).map((leadUuid) => deliveryIdOf(leadUuid, late));
  assert.deepEqual(idsOf(events), expected.toSorted());
  assert.ok(events.every(({ kind, round }) => kind === 4 && round === 0));
  const { rows } = await t.owner.query(
    "select lead_uuid, endpoint_id from ingest.replay_targets where delivery_id = $1",
    [expected[0]],
  );
  assert.deepEqual(rows, [{ lead_uuid: leads[1], endpoint_id: late }]);
});

test("what was held for an endpoint goes out once it is active again, or is deleted", async () => {
  const endpointId = await addEndpoint(t.owner, { status: "paused" });
  const batchUuid = await addBatch(t.owner);
  const hold = () =>
    addDelivery(t.owner, { batchUuid, endpointId, state: "held", waitReason: "paused", round: 1 });
  const held = [await hold(), await hold()];
  const url = `/endpoints/${endpointId}`;
  await t.app.inject({ method: "PATCH", url, headers: AUTH, payload: { description: "x" } });
  assert.deepEqual(await workOff(), []);
  await t.app.inject({ method: "PATCH", url, headers: AUTH, payload: { status: "active" } });
  const events = await workOff();
  assert.deepEqual(idsOf(events), held.toSorted());
  assert.ok(events.every(({ kind, round }) => kind === 4 && round === 2));
  await t.app.inject({ method: "DELETE", url, headers: AUTH });
  assert.deepEqual(idsOf(await workOff()), held.toSorted());
});

test("another tenant's deliveries are never replayed, nor its replays seen", async () => {
  const mine = await addEndpoint(t.owner);
  const batchUuid = await addBatch(t.owner);
  await addFailed(batchUuid, mine, 2);
  const asked = { batch_id: batchIdOfUuid(batchUuid), endpoint_id: mine };
  const response = await post("/replays", asked, OTHER_AUTH);
  assert.equal(ReplayView.parse(response.json()).planned, 0);
  assert.deepEqual(await workOff(), []);
  const { replay_id } = await start(asked);
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
  assert.equal(await planned({ batch_id: batchIdOfUuid(other) }), 0);
  await workOff();
});

test("replays are listed once each, newest first, in pages", async () => {
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
});

test("a tenant runs twenty replays at most", async () => {
  await t.owner.query(
    `insert into ingest.replays (tenant_id, scope, endpoint_id, planned_count)
     select tenant_id, 'failed', gen_random_uuid(), 0 from ingest.tenants, generate_series(1, 20)
     where name = 'default'`,
  );
  const batch_id = batchIdOfUuid(await addBatch(t.owner));
  const response = await post("/replays", { batch_id });
  assert.deepEqual([response.statusCode, codeOf(response)], [409, "REPLAY_LIMIT_REACHED"]);
  await workOff();
});

test("a replay is forgotten ninety days after its end, with all that it wrote down", async () => {
  const { rows } = await t.owner.query("select count(*) from ingest.replay_targets");
  assert.notEqual(String(rows[0].count), "0");
  const job = housekeepingJobs({
    db: t.db,
    store: createObjectStore({ OBJECT_STORE_URL: pathToFileURL(t.folder).href }),
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
