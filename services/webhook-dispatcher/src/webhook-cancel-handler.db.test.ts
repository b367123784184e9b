import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, test } from "node:test";

import { sql } from "kysely";

import { cancelDelivery } from "./delivery-queries.ts";
import { createFixture, type DispatcherFixture } from "./test-fixture.ts";
import { createWebhookCancelHandler } from "./webhook-cancel-handler.ts";

let fixture: DispatcherFixture;
before(async () => {
  fixture = await createFixture();
});
after(() => fixture[Symbol.asyncDispose]());

async function addDelivery(state: string): Promise<string> {
  const deliveryId = randomUUID();
  await sql`
    insert into delivery.deliveries (delivery_id, lead_uuid, endpoint_id, tenant_id, batch_id, state,
      round, wake_kind, next_attempt_at, wait_reason)
    values (${deliveryId}, ${randomUUID()}, ${randomUUID()}, ${fixture.tenantId}, ${randomUUID()},
      ${state}, 2, 1, now(), ${state === "waiting" ? "retry" : null})`.execute(fixture.db);
  return deliveryId;
}

function cancel(deliveryId: string, tenantId = fixture.tenantId) {
  const handle = createWebhookCancelHandler((tenant, id) => cancelDelivery(fixture.db, tenant, id));
  const requestedAt = "2026-01-01T00:00:00.000Z";
  return handle({ delivery_id: deliveryId, tenant_id: tenantId, requested_at: requestedAt });
}

async function stored(deliveryId: string) {
  const { rows } = await sql<{ state: string; next: Date | null; reason: string | null }>`
    select state, next_attempt_at as next, wait_reason as reason
    from delivery.deliveries where delivery_id = ${deliveryId}`.execute(fixture.db);
  return rows[0];
}

for (const state of ["waiting", "held"]) {
  test(`a ${state} delivery ends as cancelled, asked once or twice`, async () => {
    const id = await addDelivery(state);
    for (let ask = 0; ask < 2; ask += 1) {
      assert.equal(await cancel(id), undefined);
      assert.deepEqual(await stored(id), { state: "cancelled", next: null, reason: null });
    }
  });
}

for (const state of ["delivered", "exhausted"]) {
  test(`a ${state} delivery stays what it is`, async () => {
    const id = await addDelivery(state);
    assert.equal(await cancel(id), undefined);
    assert.equal((await stored(id))?.state, state);
  });
}

test("a request under way ends first", async () => {
  const id = await addDelivery("sending");
  assert.equal((await cancel(id))?.kind, "later");
  assert.equal((await stored(id))?.state, "sending");
});

test("nobody cancels another tenant's delivery, nor one that is not there", async () => {
  const id = await addDelivery("waiting");
  assert.equal(await cancel(id, randomUUID()), undefined);
  assert.equal((await stored(id))?.state, "waiting");
  assert.equal(await cancel(randomUUID()), undefined);
});
