import assert from "node:assert/strict";
import { test } from "node:test";

import { WakeUpKind } from "@valify/contracts";
import { deliveryIdOf } from "@valify/runtime";
import { sql } from "kysely";

import { prepareDeliveries } from "./prepare-deliveries.ts";
import { reserveSlots } from "./slot-queries.ts";
import { createFixture } from "./test-fixture.ts";

test("a lead without an endpoint is recorded, and its replay reaches one created since", async () => {
  await using fixture = await createFixture();
  const [id = ""] = await fixture.addLeads(1);
  const [nothing] = await prepareDeliveries(fixture.dispatcher(), [fixture.dueFor(id)]);
  assert.deepEqual(nothing, []);
  const placeholder = await fixture.db
    .selectFrom("delivery.deliveries")
    .select(["delivery_id", "state"])
    .executeTakeFirstOrThrow();
  assert.equal(placeholder.state, "no_endpoint");

  const endpointId = await fixture.addEndpoint();
  const replay = { kind: WakeUpKind.manual, round: 1 } as const;
  const event = fixture.dueFor(placeholder.delivery_id, replay);
  const [[sent] = []] = await prepareDeliveries(fixture.dispatcher(), [event]);
  assert.ok(sent?.kind === "send" && sent.delivery.endpointId === endpointId);
  const states = await fixture.db.selectFrom("delivery.deliveries").select("state").execute();
  assert.deepEqual(states, [{ state: "sending" }]);
});

test("a lead goes to each endpoint under an id of its own, the same at every wake-up", async () => {
  await using fixture = await createFixture();
  await fixture.addEndpoint("https://one.example.com/");
  await fixture.addEndpoint("https://two.example.com/");
  await fixture.addEndpoint("https://three.example.com/", "invalid");
  const [id = ""] = await fixture.addLeads(1);
  const [first = []] = await prepareDeliveries(fixture.dispatcher(), [fixture.dueFor(id)]);
  assert.deepEqual(
    first.map(({ kind }) => kind),
    ["send", "send"],
  );
  const [second = []] = await prepareDeliveries(fixture.dispatcher(), [fixture.dueFor(id)]);
  assert.deepEqual(
    second.map(({ kind }) => kind),
    ["busy", "busy"],
  );
});

test("slots of one endpoint follow each other at its rate, across pulls", async () => {
  await using fixture = await createFixture();
  const endpointId = await fixture.addEndpoint();
  const request = [{ endpointId, count: 10, ratePerSecond: 10 }];
  const first = (await reserveSlots(fixture.db, request)).get(endpointId) ?? Number.NaN;
  const second = (await reserveSlots(fixture.db, request)).get(endpointId) ?? Number.NaN;
  assert.ok(Math.abs(first) < 1, `the first slot is now, not in ${first} ms`);
  assert.ok(second > 500 && second <= 1_000, `the eleventh slot is a second later: ${second} ms`);
});

test("a pull of a rate-limited endpoint gets consecutive slots; a deferral keeps the one it has", async () => {
  await using fixture = await createFixture();
  await fixture.addEndpoint();
  const leads = await fixture.addLeads(30);
  const events = leads.map((id) => fixture.dueFor(id));
  const prepared = await prepareDeliveries(fixture.dispatcher(100), events);
  const waits = prepared.flat().flatMap((one) => (one.kind === "send" ? one.delivery : []));
  const first = waits[0]?.turn.waitMs ?? Number.NaN;
  for (const [index, { turn }] of waits.entries()) {
    assert.ok(Math.abs(turn.waitMs - first - index * 10) < 0.001);
  }
  const [delivery] = waits;
  assert.ok(delivery !== undefined);
  await sql`update delivery.deliveries set state = 'waiting' where delivery_id = ${delivery.deliveryId}
    `.execute(fixture.db);
  const wake = { kind: WakeUpKind.deferral, round: 1 } as const;
  const again = fixture.dueFor(delivery.deliveryId, wake);
  const [[back] = []] = await prepareDeliveries(fixture.dispatcher(100), [again]);
  assert.ok(back?.kind === "send" && back.delivery.turn.waitMs === 0);
});

test("a changed address counts for deliveries that were queued before", async () => {
  await using fixture = await createFixture();
  await fixture.addEndpoint("https://old.example.com/");
  const [id = ""] = await fixture.addLeads(1);
  const [[first] = []] = await prepareDeliveries(fixture.dispatcher(), [fixture.dueFor(id)]);
  assert.ok(first?.kind === "send" && first.delivery.endpoint?.url === "https://old.example.com/");
  const { deliveryId } = first.delivery;
  await sql`update delivery.deliveries set state = 'waiting' where delivery_id = ${deliveryId}
    `.execute(fixture.db);
  await sql`update ingest.endpoints set url = 'https://new.example.com/'`.execute(fixture.owner);
  const wake = { kind: WakeUpKind.retry, round: 1 } as const;
  const [[retry] = []] = await prepareDeliveries(fixture.dispatcher(), [
    fixture.dueFor(deliveryId, wake),
  ]);
  assert.ok(retry?.kind === "send" && retry.delivery.endpoint?.url === "https://new.example.com/");
  assert.equal(retry.delivery.deliveryId, deliveryId);
});

test("a replay makes the delivery that an endpoint has missed, once, for that endpoint alone", async () => {
  await using fixture = await createFixture();
  await fixture.addEndpoint();
  const late = await fixture.addEndpoint("https://late.example.com/");
  const [leadUuid = ""] = await fixture.addLeads(1);
  const deliveryId = deliveryIdOf(leadUuid, late);
  const wake = { kind: WakeUpKind.recover, round: 0 } as const;
  const event = fixture.dueFor(deliveryId, wake);
  const [[unknown] = []] = await prepareDeliveries(fixture.dispatcher(), [event]);
  assert.equal(unknown?.kind, "lead_missing");
  await sql`
    with replay as (
      insert into ingest.replays (tenant_id, scope, planned_count)
      values (${fixture.tenantId}, 'missing', 1) returning replay_id)
    insert into ingest.replay_targets
    select ${deliveryId}::uuid, replay_id, ${fixture.tenantId}::uuid, ${leadUuid}::uuid,
      ${late}::uuid, ${fixture.batchId}::uuid
    from replay`.execute(fixture.owner);
  const [prepared = []] = await prepareDeliveries(fixture.dispatcher(), [event]);
  assert.equal(prepared.length, 1);
  const [sent] = prepared;
  assert.ok(sent?.kind === "send" && sent.delivery.endpointId === late);
  assert.equal(sent.delivery.deliveryId, deliveryId);
  const [[again] = []] = await prepareDeliveries(fixture.dispatcher(), [event]);
  assert.equal(again?.kind, "busy");
});

const roomFor = () => ({ places: 4, pacePerSecond: 5 });

// Goal: what finds no room goes back once, each to a slot of its own, and what finds room goes out.
// Method: a pull of ten while there is room for four, at a pace of five a second; then the same again.
test("deliveries without room are spread at the endpoint's pace, behind those before them", async () => {
  await using fixture = await createFixture();
  await fixture.addEndpoint();
  for (const before of [0, 6]) {
    const leads = await fixture.addLeads(10, await fixture.newBatch());
    const events = leads.map((id) => fixture.dueFor(id));
    const prepared = await prepareDeliveries({ ...fixture.dispatcher(), roomFor }, events);
    const turns = prepared.flat().flatMap((one) => (one.kind === "send" ? one.delivery.turn : []));
    const waits = turns.map(({ waitMs }) => waitMs);
    assert.deepEqual(waits.slice(0, 4), [0, 0, 0, 0]);
    for (const [index, waitMs] of waits.slice(4).entries()) {
      assert.equal(turns[4 + index]?.reason, "full");
      // The second pull is a moment later, so its slots are a little nearer.
      const exactMs = 2_000 + (before + index) * 200;
      assert.ok(waitMs > exactMs - 1_000 && waitMs < exactMs + 1, `${waitMs} ms`);
    }
  }
});
