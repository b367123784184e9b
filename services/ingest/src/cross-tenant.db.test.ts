import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, test } from "node:test";

import { uuidOfBatchId } from "@valify/contracts";
import { ensurePartition } from "@valify/database";
import { sql } from "kysely";
import { z } from "zod";

import { DEFAULT_TENANT_ID } from "./bootstrap.ts";
import { type Case, CASES, PAGES } from "./cross-tenant-cases.ts";
import { addAttempt, addDelivery, addEndpoint } from "./delivery-fixture.ts";
import { inTenant } from "./tenant-scope.ts";
import {
  AUTH,
  createTestApp,
  formOf,
  OTHER_AUTH,
  OTHER_TENANT_ID,
  setRun,
  type TestApp,
  uploadedBatch,
} from "./test-support.ts";

// Goal: whatever route another tenant calls, with whatever of ours named in it, it learns nothing
// of us and changes nothing of ours.
// Method: one tenant with something of everything; another, as its admin, calls every route of the
// API document with the first one's ids. A route that has no case here fails.

const Method = z.enum(["GET", "POST", "PUT", "PATCH", "DELETE"]);
/** In everything of ours that a foreign answer could show. */
const MARK = "Quillfeather";

let t: TestApp;
let ours: Readonly<Record<string, string>>;
before(async () => {
  t = await createTestApp();
  ours = await addSomethingOfEverything();
});
after(() => t[Symbol.asyncDispose]());

async function addSomethingOfEverything(): Promise<Record<string, string>> {
  const { batchId } = await uploadedBatch(t.app);
  const batchUuid = uuidOfBatchId(batchId);
  const leadUuid = randomUUID();
  await setRun(t.owner, batchUuid, { status: "completed", valid: 2, resultsKey: "results" });
  await t.owner.query(
    `insert into validation.leads (lead_uuid, batch_id, row_number, line_number, tenant_id, lead_id,
       slug_version, first_name, last_name, dob, status, errors, warnings, validated_at,
       webhook_scheduled_for)
     values ($1, $2, 1, 2, $3, $4, 1, $4, $4, '01/02/1990', 'valid', '[]', '[]', now(), now())`,
    [leadUuid, batchUuid, DEFAULT_TENANT_ID, MARK],
  );
  const endpointId = await addEndpoint(t.owner);
  const deliveryId = await addDelivery(t.owner, { batchUuid, leadUuid, endpointId });
  await addOthersRows({ batchUuid, leadUuid, endpointId, deliveryId });
  const user = { email: "ours@example.com", role: "admin", password: "a long enough password" };
  const made = await t.app.inject({ method: "POST", url: "/users", headers: AUTH, payload: user });
  const { email, password } = user;
  await t.app.inject({ method: "POST", url: "/sessions", payload: { email, password } });
  await t.app.inject({
    method: "PUT",
    url: "/rule_profile",
    headers: AUTH,
    payload: {},
  });
  return {
    batch_id: batchId,
    endpoint_id: endpointId,
    delivery_id: deliveryId,
    lead_uuid: leadUuid,
    user_id: made.json<{ user_id: string }>().user_id,
    session_id: await idOf("ingest.sessions", "session_id"),
    api_key_id: await idOf("ingest.api_keys", "api_key_id"),
    replay_id: await idOf("ingest.replays", "replay_id"),
    erasure_id: await idOf("ingest.erasures", "erasure_id"),
    tenant_id: DEFAULT_TENANT_ID,
  };
}

/** What the dispatcher and the scheduler would write. */
async function addOthersRows(
  ids: Record<"batchUuid" | "leadUuid" | "endpointId" | "deliveryId", string>,
) {
  const now = new Date();
  const hour = new Date(Math.floor(now.getTime() / 3_600_000) * 3_600_000);
  const span = { from: hour, to: new Date(hour.getTime() + 3_600_000) };
  await ensurePartition(t.ownerDb, {
    parent: "scheduling.due",
    name: "scheduling.due_test",
    ...span,
  });
  await t.owner.query(
    `insert into scheduling.due (due_at, id, tenant_id, batch_id, round, lane, kind)
     values ($1, $2, $3, $4, 0, 0, 0)`,
    [now, ids.leadUuid, DEFAULT_TENANT_ID, ids.batchUuid],
  );
  await addAttempt(t, { deliveryId: ids.deliveryId, responseBody: MARK });
  await t.owner.query(
    `with replay as (
       insert into ingest.replays (tenant_id, scope, planned_count) values ($1, 'failed', 1)
       returning replay_id, tenant_id)
     insert into ingest.replay_targets
       (delivery_id, replay_id, tenant_id, lead_uuid, endpoint_id, batch_id)
     select $2, replay_id, tenant_id, $3, $4, $5 from replay`,
    [DEFAULT_TENANT_ID, ids.deliveryId, ids.leadUuid, ids.endpointId, ids.batchUuid],
  );
  await t.owner.query(
    `insert into ingest.erasures (erasure_id, tenant_id, leads, tombstones)
     values (gen_random_uuid(), $1, $2, array[gen_random_uuid()])`,
    [DEFAULT_TENANT_ID, JSON.stringify([{ lead_uuid: ids.leadUuid }])],
  );
  await t.owner.query(
    `insert into delivery.endpoint_health (endpoint_id, tenant_id, state, consecutive_failures,
       recent, probe_delay_ms, updated_at) values ($1, $2, 'degraded', 1, '[]', 0, now())`,
    [ids.endpointId, DEFAULT_TENANT_ID],
  );
}

async function idOf(table: string, column: string): Promise<string> {
  const { rows } = await t.owner.query(
    `select ${column} as id from ${table} where tenant_id = $1 limit 1`,
    [DEFAULT_TENANT_ID],
  );
  return String(rows[0].id);
}

async function walledTables(): Promise<readonly string[]> {
  const { rows } = await t.owner.query(
    "select polrelid::regclass::text as name from pg_policy where polname = 'tenant_wall' order by 1",
  );
  return rows.map(({ name }) => String(name));
}

/** All of ours, row by row. A refused sign-in is told in our log, and a key's use is noted. */
async function everythingOfOurs(): Promise<string> {
  const tables = (await walledTables()).filter((name) => name !== "ingest.audit_log");
  const texts = tables.map(async (name) => {
    const { rows } = await t.owner.query(
      `select to_jsonb(x) - 'last_used_at' - 'last_seen_at' as row from ${name} as x
       where tenant_id = $1 order by 1`,
      [DEFAULT_TENANT_ID],
    );
    return `${name} ${JSON.stringify(rows)}`;
  });
  return (await Promise.all(texts)).join("\n");
}

function routesOfApi(): readonly string[] {
  const document: { readonly paths?: Readonly<Record<string, object>> } = JSON.parse(
    JSON.stringify(t.app.swagger()),
  );
  return Object.entries(document.paths ?? {}).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  );
}

function withIds(text: string): string {
  return text.replaceAll(/\{(\w+)\}/g, (_whole, name: string) => {
    const id = ours[name];
    assert.ok(id, `there is something of ours for {${name}}`);
    return id;
  });
}

async function callAsOther(route: string, { payload, form }: Omit<Case, "expected">) {
  const [method, path = ""] = route.split(" ");
  // Each file is another, or the second would be a duplicate of the first.
  const bytes = `first_name,last_name,dob\nUna,Marsh${path.length},01/02/1985\n`;
  const body = form ? formOf({ bytes }) : null;
  return t.app.inject({
    method: Method.parse(method),
    url: withIds(path),
    headers: { ...OTHER_AUTH, ...body?.headers },
    ...(body === null
      ? payload && { payload: JSON.parse(withIds(JSON.stringify(payload))) }
      : { payload: body.payload }),
  });
}

test("every route of the API has a case here", () => {
  const missing = routesOfApi().filter((route) => CASES[route] === undefined);
  assert.deepEqual(missing, [], "say what another tenant gets from it");
});

for (const [route, { expected, ...request }] of Object.entries(CASES)) {
  test(`${route} shows and changes nothing of another tenant`, async () => {
    const stateBefore = await everythingOfOurs();
    const response = await callAsOther(route, request);
    assert.equal(response.statusCode, expected, response.body);
    for (const secret of [MARK, ...Object.values(ours), "ours@example.com"]) {
      assert.ok(!response.body.includes(secret), `${route} shows ${secret}`);
    }
    assert.equal(await everythingOfOurs(), stateBefore);
  });
}

for (const path of PAGES) {
  test(`${path} shows and changes nothing of another tenant`, async () => {
    const stateBefore = await everythingOfOurs();
    const isGet = path === "/batch_admin";
    const isUpload = path.endsWith("upload");
    const response = await callAsOther(`${isGet ? "GET" : "POST"} ${path}`, { form: isUpload });
    assert.ok(!response.body.includes(ours["batch_id"] ?? ""));
    assert.equal(response.statusCode, isGet ? 200 : isUpload ? 303 : 404);
    assert.equal(await everythingOfOurs(), stateBefore);
  });
}

test("a query that forgets its tenant sees the caller's rows alone, in every table", async () => {
  const seen: string[] = [];
  for (const name of await walledTables()) {
    const tenants = async (tenantId: string) => {
      const { rows } = await inTenant(t.db, tenantId, (trx) =>
        sql<{
          tenant: string;
        }>`select distinct tenant_id as tenant from ${sql.table(name)}`.execute(trx),
      );
      return rows.map(({ tenant }) => tenant);
    };
    assert.ok(
      (await tenants(OTHER_TENANT_ID)).every((id) => id === OTHER_TENANT_ID),
      name,
    );
    const own = await tenants(DEFAULT_TENANT_ID);
    assert.ok(
      own.every((id) => id === DEFAULT_TENANT_ID),
      name,
    );
    if (own.length > 0) seen.push(name);
  }
  assert.ok(seen.length >= 15, `only ${seen.join(", ")} hold something of ours to be hidden`);
});
