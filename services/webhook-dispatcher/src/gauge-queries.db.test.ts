import assert from "node:assert/strict";
import { test } from "node:test";

import { createLogger, createMetrics } from "@valify/runtime";
import { sql } from "kysely";

import { startDeliveryGauges } from "./delivery-gauges.ts";
import { createFixture } from "./test-fixture.ts";

test("shows what waits, by what for, and every endpoint by how it does, zeros included", async () => {
  await using fixture = await createFixture();
  const { db, owner, tenantId, batchId } = fixture;
  const [, open, disabled, reactivated, paused] = [
    await fixture.addEndpoint(),
    await fixture.addEndpoint(),
    await fixture.addEndpoint(),
    await fixture.addEndpoint(),
    await fixture.addEndpoint(),
  ];
  await sql`update ingest.endpoints set status = 'paused' where endpoint_id = ${paused}`.execute(
    owner,
  );
  for (const [endpointId, state, disabledAfter] of [
    [open, "open", null],
    [disabled, "disabled", "1 hour"],
    [reactivated, "disabled", "-1 hour"],
  ]) {
    await sql`
      insert into delivery.endpoint_health (endpoint_id, tenant_id, state, consecutive_failures,
        failing_since, recent, probe_delay_ms, disabled_at, updated_at)
      values (${endpointId}, ${tenantId}, ${state}, 1, now() - interval '4 days', '[]', 30000,
        now() + ${disabledAfter}::interval, now() + interval '2 hours')`.execute(db);
  }
  await sql`
    insert into delivery.deliveries (delivery_id, lead_uuid, endpoint_id, tenant_id, batch_id, state,
      round, wake_kind, wait_reason)
    select gen_random_uuid(), gen_random_uuid(), ${open}::uuid, ${tenantId}::uuid,
      ${batchId}::uuid, 'held', 0, 2, 'open' from generate_series(1, 3)`.execute(db);

  const metrics = createMetrics("test", "0");
  await using _ = await startDeliveryGauges({ db, metrics, log: createLogger("test", "fatal") });
  const { body } = await metrics.render();
  for (const line of [
    'valify_webhook_deliveries{state="open"} 3',
    'valify_webhook_deliveries{state="retry"} 0',
    'valify_webhook_endpoints{state="healthy"} 2',
    'valify_webhook_endpoints{state="open"} 1',
    'valify_webhook_endpoints{state="disabled"} 1',
    'valify_webhook_endpoints{state="paused"} 1',
    'valify_webhook_endpoints{state="degraded"} 0',
    'valify_webhook_endpoints_failing{share="0.5"} 1',
    'valify_webhook_endpoints_failing{share="0.7"} 1',
    'valify_webhook_endpoints_failing{share="0.9"} 0',
  ]) {
    assert.ok(body.includes(`${line}\n`), line);
  }
});
