import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { EndpointCreated, EndpointHealthView } from "@valify/contracts/api";
import { createAddressGuard } from "@valify/runtime";

import { AUTH, codeOf, createTestApp, OTHER_AUTH, type TestApp } from "./test-support.ts";

let t: TestApp;
const resolve = async () => [{ address: "1.1.1.1", family: 4 }];
before(async () => {
  t = await createTestApp({ guard: createAddressGuard({ resolve }) });
});
after(() => t[Symbol.asyncDispose]());

const ask = (endpointId: string, headers = AUTH) =>
  t.app.inject({ method: "GET", url: `/endpoints/${endpointId}/health`, headers });

async function create(): Promise<string> {
  const payload = { url: "https://hooks.example.com/leads" };
  const response = await t.app.inject({
    method: "POST",
    url: "/endpoints",
    headers: AUTH,
    payload,
  });
  return EndpointCreated.parse(response.json()).endpoint_id;
}

async function healthOf(endpointId: string): Promise<EndpointHealthView> {
  const response = await ask(endpointId);
  assert.equal(response.statusCode, 200, response.body);
  return EndpointHealthView.parse(response.json());
}

const insertHealth = (endpointId: string, state: string, disabledAt: string | null) =>
  t.owner.query(
    `insert into delivery.endpoint_health (endpoint_id, tenant_id, state, consecutive_failures,
       failing_since, recent, probe_at, probe_delay_ms, paused_until, disabled_at, disabled_reason,
       updated_at)
     select endpoint_id, tenant_id, $2, 10, now(), '[]', now() + interval '30 s', 30000,
       now() - interval '1 s', $3::timestamptz, case when $3 is null then null else 'gone' end,
       now() + interval '1 s'
     from ingest.endpoints where endpoint_id = $1`,
    [endpointId, state, disabledAt],
  );

test("an endpoint that never failed is healthy, and nothing waits for it", async () => {
  const {
    state,
    consecutive_failures: failures,
    waiting,
    ...rest
  } = await healthOf(await create());
  assert.deepEqual([state, failures, waiting], ["healthy", 0, {}]);
  assert.deepEqual([rest.failing_since, rest.next_probe_at, rest.disabled_at], [null, null, null]);
});

test("an open one tells when it is tried next, and how many are held for it", async () => {
  const endpointId = await create();
  await insertHealth(endpointId, "open", null);
  await t.owner.query(
    `insert into delivery.deliveries (delivery_id, lead_uuid, endpoint_id, tenant_id, batch_id,
       state, round, wake_kind, wait_reason)
     select gen_random_uuid(), gen_random_uuid(), endpoint_id, tenant_id, gen_random_uuid(), 'held',
       1, 2, 'open'
     from ingest.endpoints, generate_series(1, 3) where endpoint_id = $1`,
    [endpointId],
  );
  const health = await healthOf(endpointId);
  assert.equal(health.state, "open");
  assert.notEqual(health.next_probe_at, null);
  assert.equal(health.throttled_until, null, "a pause that is over");
  assert.deepEqual(health.waiting, { open: 3 });
});

test("a disabled one says why, and is healthy once somebody activates it", async () => {
  const endpointId = await create();
  const at = new Date(Date.now() + 1_000).toISOString();
  await insertHealth(endpointId, "disabled", at);
  const disabled = await healthOf(endpointId);
  assert.deepEqual([disabled.state, disabled.disabled_reason], ["disabled", "gone"]);
  assert.equal(disabled.disabled_at, at);
  await t.owner.query(
    "update ingest.endpoints set activated_at = $2::timestamptz where endpoint_id = $1",
    [endpointId, at],
  );
  const active = await healthOf(endpointId);
  assert.deepEqual(
    [active.state, active.disabled_at, active.failing_since],
    ["healthy", null, null],
  );
});

test("a paused one is paused, whatever it did", async () => {
  const endpointId = await create();
  await insertHealth(endpointId, "open", null);
  await t.owner.query("update ingest.endpoints set status = 'paused' where endpoint_id = $1", [
    endpointId,
  ]);
  assert.equal((await healthOf(endpointId)).state, "paused");
});

test("nobody sees another tenant's, or one that is not there", async () => {
  const endpointId = await create();
  assert.equal(codeOf(await ask(endpointId, OTHER_AUTH)), "ENDPOINT_NOT_FOUND");
  assert.equal(codeOf(await ask("018f3b1e-0000-7000-8000-00000000dead")), "ENDPOINT_NOT_FOUND");
});
