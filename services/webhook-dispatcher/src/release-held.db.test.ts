import assert from "node:assert/strict";
import { test } from "node:test";

import { WakeUpKind } from "@valify/contracts";
import type { Bus } from "@valify/runtime";
import { sql } from "kysely";

import { releaseHeld } from "./release-held.ts";
import { createFixture, type DispatcherFixture } from "./test-fixture.ts";

function recorder() {
  const events: unknown[] = [];
  const publishAll: Bus["publishAll"] = async (_contract, published) => {
    events.push(...published);
    return [];
  };
  return { events, publishAll };
}

async function hold(fixture: DispatcherFixture, endpointId: string, reason: string, count = 1) {
  const { rows } = await sql<{ id: string }>`
    insert into delivery.deliveries (delivery_id, lead_uuid, endpoint_id, tenant_id, batch_id,
      state, round, wake_kind, wait_reason)
    select gen_random_uuid(), gen_random_uuid(), ${endpointId}::uuid, ${fixture.tenantId}::uuid,
      ${fixture.batchId}::uuid, 'held', 4, 0, ${reason} from generate_series(1, ${count})
    returning delivery_id as id`.execute(fixture.db);
  return rows.map(({ id }) => id);
}

test("what is held for an endpoint that is active again wakes, and nothing else", async () => {
  await using fixture = await createFixture();
  const [active, paused, disabled, reactivated] = [
    await fixture.addEndpoint(),
    await fixture.addEndpoint(),
    await fixture.addEndpoint(),
    await fixture.addEndpoint(),
  ];
  await sql`update ingest.endpoints set status = 'paused' where endpoint_id = ${paused}`.execute(
    fixture.owner,
  );
  for (const [endpointId, afterActivation] of [
    [disabled, "1 hour"],
    [reactivated, "-1 hour"],
  ]) {
    await sql`
      insert into delivery.endpoint_health (endpoint_id, tenant_id, state, consecutive_failures,
        recent, probe_delay_ms, disabled_at, updated_at)
      values (${endpointId}, ${fixture.tenantId}, 'disabled', 1, '[]', 30000,
        now() + ${afterActivation}::interval, now())`.execute(fixture.db);
    await hold(fixture, endpointId ?? "", "disabled");
  }
  const [forActive] = await hold(fixture, active, "paused");
  await hold(fixture, active, "open");
  await hold(fixture, active, "retry");
  await hold(fixture, paused, "paused");

  const bus = recorder();
  const now = new Date();
  assert.equal(await releaseHeld(fixture.db, bus, now), 2);
  assert.equal(bus.events.length, 2);
  assert.partialDeepStrictEqual(
    bus.events.find((event) => Reflect.get(Object(event), "id") === forActive),
    { kind: WakeUpKind.recover, round: 5, not_before: now.toISOString() },
  );
});

test("however many are held, they wake page by page, each once", async () => {
  await using fixture = await createFixture();
  const ids = await hold(fixture, await fixture.addEndpoint(), "paused", 1_234);
  const bus = recorder();
  assert.equal(await releaseHeld(fixture.db, bus, new Date()), 1_234);
  const woken = bus.events.map((event) => Reflect.get(Object(event), "id"));
  assert.deepEqual(new Set(woken), new Set(ids));
  assert.equal(woken.length, ids.length);
});
