import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { batchIdOfUuid, type WebhookRetry } from "@valify/contracts";
import { deliveryIdOf } from "@valify/runtime";

import { addBatch, addDelivery, addEndpoint, addLeads } from "./delivery-fixture.ts";
import { idsOf, replaysOf } from "./replay-fixture.ts";
import { runReplayTurn } from "./replay-worker.ts";
import { AUTH, codeOf, createTestApp, type TestApp } from "./test-support.ts";

// Goal: what a replay queues is what it planned, each once, whoever works or dies.
let t: TestApp;
let replays: ReturnType<typeof replaysOf>;
before(async () => {
  t = await createTestApp();
  replays = replaysOf(t);
});
after(() => t[Symbol.asyncDispose]());

test("a replay queues each delivery once, in its next round, across batches and chunks", async () => {
  const endpointId = await addEndpoint(t.owner);
  const expected: string[] = [];
  for (let ageMinutes = 45; ageMinutes > 0; ageMinutes -= 1) {
    const batchUuid = await addBatch(t.owner, { ageMinutes });
    if (ageMinutes % 15 === 0)
      expected.push(...(await replays.addFailed(batchUuid, endpointId, 700)));
  }
  const cancelled = await addBatch(t.owner, { cancelled: true });
  await replays.addFailed(cancelled, endpointId, 5);
  const replay = await replays.start({ endpoint_id: endpointId });
  assert.deepEqual([replay.status, replay.planned, replay.queued], ["running", 2_100, 0]);
  const events = await replays.workOff();
  assert.deepEqual(idsOf(events), expected.toSorted());
  assert.ok(events.every(({ kind, round }) => kind === 4 && round === 3));
  const { status, queued, ended_at } = await replays.read(replay.replay_id);
  assert.deepEqual([status, queued, ended_at !== null], ["completed", 2_100, true]);
});

test("killed between publishing and counting, a successor publishes the same and counts once", async () => {
  const endpointId = await addEndpoint(t.owner);
  const batchUuid = await addBatch(t.owner);
  const expected = await replays.addFailed(batchUuid, endpointId, 1_100);
  const replay = await replays.start({ batch_id: batchIdOfUuid(batchUuid) });
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
  assert.deepEqual(await replays.workOff(), [], "its lease holds");
  await t.owner.query("update ingest.replays set lease_until = now() where status = 'running'");
  published.push(...(await replays.workOff()));

  const rounds = new Map(published.map(({ id, round }) => [id, round]));
  assert.deepEqual([...rounds.keys()].toSorted(), expected.toSorted());
  const distinct = new Set(published.map(({ id, round }) => `${id} ${round}`));
  assert.equal(distinct.size, 1_100, "a repeat is the same wake-up");
  assert.ok(published.length > 1_100, "one chunk went out twice");
  const { status, queued } = await replays.read(replay.replay_id);
  assert.deepEqual([status, queued], ["completed", 1_100]);
  died.reject(new Error("came back"));
  await assert.rejects(dead);
  assert.equal((await replays.read(replay.replay_id)).queued, 1_100);
});

const refuse = async () => Promise.reject(new Error("no acknowledgement"));

test("a broker that is away loses nothing and counts nothing twice", async () => {
  const endpointId = await addEndpoint(t.owner);
  const batchUuid = await addBatch(t.owner);
  const expected = await replays.addFailed(batchUuid, endpointId, 10);
  const replay = await replays.start({ batch_id: batchIdOfUuid(batchUuid) });
  await assert.rejects(runReplayTurn({ db: t.db, publishRetries: refuse }));
  assert.deepEqual(idsOf(await replays.workOff()), expected.toSorted());
  assert.equal((await replays.read(replay.replay_id)).queued, 10);
});

test("replicas share the work: every chunk is somebody's, none is two's", async () => {
  const endpointId = await addEndpoint(t.owner);
  const expected: string[] = [];
  for (let i = 0; i < 4; i += 1) {
    const batchUuid = await addBatch(t.owner);
    expected.push(...(await replays.addFailed(batchUuid, endpointId, 600)));
    await replays.start({ batch_id: batchIdOfUuid(batchUuid) });
  }
  const results = await Promise.all([replays.workOff(), replays.workOff(), replays.workOff()]);
  const events = [...results.flat(), ...(await replays.workOff())];
  assert.deepEqual(idsOf(events), expected.toSorted());
});

test("a cancelled replay queues nothing more, and is over", async () => {
  const endpointId = await addEndpoint(t.owner);
  const batchUuid = await addBatch(t.owner);
  await replays.addFailed(batchUuid, endpointId, 1_200);
  const { replay_id } = await replays.start({ batch_id: batchIdOfUuid(batchUuid) });
  const events: WebhookRetry[] = [];
  const publishRetries = async (more: readonly WebhookRetry[]) => void events.push(...more);
  await runReplayTurn({ db: t.db, publishRetries });
  const response = await replays.post(`/replays/${replay_id}/cancel`);
  assert.equal(response.statusCode, 202);
  assert.deepEqual(await replays.workOff(), []);
  const { status, queued } = await replays.read(replay_id);
  assert.deepEqual([status, queued, events.length], ["cancelled", 500, 500]);
  const again = await replays.post(`/replays/${replay_id}/cancel`);
  assert.deepEqual([again.statusCode, codeOf(again)], [409, "REPLAY_ENDED"]);
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
  assert.equal(await replays.planned(asked), 699);
  await replays.start(asked);
  const events = await replays.workOff();
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
  assert.deepEqual(await replays.workOff(), []);
  await t.app.inject({ method: "PATCH", url, headers: AUTH, payload: { status: "active" } });
  const events = await replays.workOff();
  assert.deepEqual(idsOf(events), held.toSorted());
  assert.ok(events.every(({ kind, round }) => kind === 4 && round === 2));
  await t.app.inject({ method: "DELETE", url, headers: AUTH });
  assert.deepEqual(idsOf(await replays.workOff()), held.toSorted());
});
