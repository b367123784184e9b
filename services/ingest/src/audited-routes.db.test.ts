import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { uuidOfBatchId } from "@valify/contracts";
import { z } from "zod";

import { DEFAULT_TENANT_ID } from "./bootstrap.ts";
import { addAttempt, addDelivery, addEndpoint, addLeads } from "./delivery-fixture.ts";
import {
  API_KEY,
  AUTH,
  createTestApp,
  formOf,
  routesOf,
  setRun,
  type TestApp,
  uploadedBatch,
} from "./test-support.ts";

// Goal: every route that changes something or hands data out leaves its entry in the audit log.
// Method: call each once with success, and read what the log has grown by. A new route that is no
// GET, answers with a file, or shows the person who is in everything here, fails until it has a case
// here, and its case until it is audited.

const Method = z.enum(["GET", "POST", "PUT", "PATCH", "DELETE"]);
const SAME = { "sec-fetch-site": "same-origin" };
const PERSON = { email: "ours@example.com", password: "a long enough password" };

interface Case {
  readonly action: string;
  readonly status: number;
  readonly payload?: object;
  readonly form?: boolean;
  /** In place of the key. */
  readonly headers?: () => Record<string, string>;
}

/** In this order: what is changed first and taken away last. */
const CASES: Readonly<Record<string, Case>> = {
  "POST /upload_batch": { action: "batch.uploaded", status: 202, form: true },
  "POST /batch_admin/upload": { action: "batch.uploaded", status: 303, form: true },
  "GET /download_results/:batch_id": { action: "results.downloaded", status: 200 },
  "GET /batches/:batch_id/findings": { action: "findings.read", status: 200 },
  "GET /webhook_status/:batch_id": { action: "webhooks.read", status: 200 },
  "GET /deliveries/:delivery_id": { action: "delivery.read", status: 200 },
  "POST /webhook_retry/:batch_id": { action: "webhooks.retried", status: 202 },
  "POST /deliveries/:delivery_id/resend": { action: "delivery.resent", status: 202 },
  "POST /deliveries/:delivery_id/cancel": { action: "delivery.cancelled", status: 202 },
  "POST /replays": {
    action: "replay.started",
    status: 202,
    payload: { from: "2026-01-01T00:00:00Z" },
  },
  "POST /replays/:replay_id/cancel": { action: "replay.cancelled", status: 202 },
  "PUT /rule_profile": { action: "rule_profile.changed", status: 200, payload: {} },
  "POST /endpoints": {
    action: "endpoint.created",
    status: 201,
    payload: { url: "https://hooks.example.com/new" },
  },
  "PATCH /endpoints/:endpoint_id": {
    action: "endpoint.changed",
    status: 200,
    payload: { description: "x" },
  },
  "POST /endpoints/:endpoint_id/rotate_secret": {
    action: "endpoint.secret_rotated",
    status: 200,
    payload: {},
  },
  "POST /endpoints/:endpoint_id/test": { action: "endpoint.tested", status: 202 },
  "DELETE /endpoints/:endpoint_id": { action: "endpoint.deleted", status: 204 },
  "POST /users": {
    action: "user.created",
    status: 201,
    payload: { email: "new@example.com", role: "viewer" },
  },
  "PATCH /users/:user_id": { action: "user.changed", status: 200, payload: { role: "viewer" } },
  "POST /sessions": { action: "session.started", status: 201, payload: PERSON },
  "PUT /me/password": {
    action: "user.password_changed",
    status: 204,
    payload: { current_password: PERSON.password, new_password: "another long password" },
    headers: () => ({ cookie: cookie(), ...SAME }),
  },
  "POST /batch_admin/sign_in": {
    action: "session.started",
    status: 303,
    payload: { api_key: API_KEY },
    headers: () => SAME,
  },
  "POST /batch_admin/sign_out": {
    action: "session.ended",
    status: 303,
    headers: () => ({ cookie: cookie(), ...SAME }),
  },
  "DELETE /sessions/:session_id": { action: "session.ended", status: 204 },
  "DELETE /users/:user_id": { action: "user.deleted", status: 204 },
  "POST /api_keys": {
    action: "api_key.created",
    status: 201,
    payload: { name: "x", scopes: ["batches:read"] },
  },
  "DELETE /api_keys/:api_key_id": { action: "api_key.revoked", status: 204 },
  "POST /tenants": { action: "tenant.created", status: 201, payload: { name: "third" } },
  "PATCH /tenants/:tenant_id": { action: "tenant.changed", status: 200, payload: { name: "us" } },
  "POST /erasures": {
    action: "erasure.requested",
    status: 202,
    payload: { lead_id: "ada.quillfeather.15031990", confirm: [] },
  },
  "POST /batch_admin/erasures": {
    action: "erasure.previewed",
    status: 200,
    payload: { lead_id: "ada.quillfeather.15031990" },
  },
  "POST /batch_admin/erasures/confirm": {
    action: "erasure.requested",
    status: 303,
    payload: { lead_id: "bo.marsh.01021985" },
  },
  "POST /erasure_replays": { action: "erasures.replayed", status: 202 },
  "POST /batches/:batch_id/cancel": { action: "batch.cancelled", status: 202 },
  "POST /batch_admin/cancel/:batch_id": { action: "batch.cancelled", status: 303 },
};

/** The person of the fixture's leads, of whom every part is personal data. */
const PERSON_SHOWN = /quillfeather|15\/03\/1990|15031990/i;

/** A file to fill in holds nobody's data. */
const NOT_AUDITED = new Set(["GET /template.csv"]);

let t: TestApp;
let ids: Record<string, string>;
before(async () => {
  t = await createTestApp();
  ids = await addSomethingOfEverything();
});
after(() => t[Symbol.asyncDispose]());

async function addSomethingOfEverything(): Promise<Record<string, string>> {
  const { batchId } = await uploadedBatch(t.app);
  const batchUuid = uuidOfBatchId(batchId);
  await setRun(t.owner, batchUuid, { status: "completed", valid: 2, resultsKey: "results/x.csv" });
  await mkdir(join(t.folder, "results"), { recursive: true });
  await writeFile(join(t.folder, "results/x.csv"), "row,last_name\n1,Quillfeather\n");
  const [leadUuid] = await addLeads(t.owner, batchUuid, 1);
  const finding = { code: "NAME_DIGITS", field: "last_name", message: "x", severity: "warning" };
  await t.owner.query("update validation.leads set warnings = $1", [JSON.stringify([finding])]);
  const created = await t.app.inject({
    method: "POST",
    url: "/endpoints",
    headers: AUTH,
    payload: { url: "https://hooks.example.com/" },
  });
  const { endpoint_id: endpointId } = created.json<{ endpoint_id: string }>();
  const deliveryId = await addDelivery(t.owner, {
    batchUuid,
    ...(leadUuid && { leadUuid }),
    state: "waiting",
    endpointId: await addEndpoint(t.owner),
  });
  await addAttempt(t, { deliveryId, responseBody: "no such lead: Ada Quillfeather" });
  const { rows: erasures } = await t.owner.query(
    `insert into ingest.erasures (erasure_id, tenant_id, leads, tombstones)
     values (gen_random_uuid(), $1, $2, array[gen_random_uuid()]) returning erasure_id as id`,
    [DEFAULT_TENANT_ID, JSON.stringify([{ lead_uuid: leadUuid, batch_id: batchId }])],
  );
  const { rows: replays } = await t.owner.query(
    `insert into ingest.replays (tenant_id, scope, planned_count) values ($1, 'failed', 1)
     returning replay_id as id`,
    [DEFAULT_TENANT_ID],
  );
  const { rows: keys } = await t.owner.query(
    `insert into ingest.api_keys (tenant_id, name, key_hash) values ($1, 'x', $2)
     returning api_key_id as id`,
    [DEFAULT_TENANT_ID, Buffer.alloc(32)],
  );
  const add = (user: object) =>
    t.app.inject({ method: "POST", url: "/users", headers: AUTH, payload: user });
  const made = await add({ ...PERSON, role: "operator" });
  return {
    batch_id: batchId,
    endpoint_id: endpointId,
    delivery_id: deliveryId,
    replay_id: String(replays[0].id),
    erasure_id: String(erasures[0].id),
    api_key_id: String(keys[0].id),
    user_id: made.json<{ user_id: string }>().user_id,
    tenant_id: DEFAULT_TENANT_ID,
  };
}

/** Of the person who signed in last. */
let lastCookie = "";
const cookie = () => lastCookie;

async function entries(): Promise<ReadonlyMap<string, string>> {
  const { rows } = await t.owner.query(
    "select tenant_id || '/' || sequence as key, action from ingest.audit_log",
  );
  return new Map(rows.map(({ key, action }) => [String(key), String(action)]));
}

/** A session that is not the one in use, so that ending it locks nobody out. */
async function openSession(): Promise<string> {
  const { rows } = await t.owner.query(
    `insert into ingest.sessions (session_hash, tenant_id, user_id, expires_at)
     values ($1, $2, $3, now() + interval '1 hour') returning session_id as id`,
    [Buffer.from(randomUUID()), DEFAULT_TENANT_ID, ids["user_id"]],
  );
  return String(rows[0].id);
}

const urlOf = (path: string) =>
  path.replaceAll(/:(\w+)/g, (_whole, name: string) => ids[name] ?? name);

async function call(route: string, { payload, form, headers = () => AUTH }: Case) {
  const [method, path = ""] = route.split(" ");
  const body = form ? formOf({ bytes: `first_name,last_name,dob\nUna,${path.length},x\n` }) : null;
  const url = urlOf(path);
  const response = await t.app.inject({
    method: Method.parse(method),
    url,
    headers: { ...headers(), ...body?.headers },
    ...(body === null ? (payload === undefined ? {} : { payload }) : { payload: body.payload }),
  });
  const [given] = response.cookies;
  if (given !== undefined) lastCookie = `${given.name}=${given.value}`;
  return response;
}

test("every route that changes something or hands out a file has a case here", () => {
  const document = JSON.stringify(t.app.swagger());
  const paths: Readonly<Record<string, object>> = JSON.parse(document).paths ?? {};
  const isDownload = (route: string) => {
    const described = paths[route.slice("GET ".length).replaceAll(/:(\w+)/g, "{$1}")];
    return JSON.stringify(described ?? {}).includes('"text/csv"');
  };
  const routes = routesOf(t.app.printRoutes({ commonPrefix: false }));
  assert.ok(routes.length > 50, `${routes.length} routes`);
  const wanted = routes.filter((route) => !/^(?:GET|HEAD|OPTIONS) /.test(route));
  const downloads = routes.filter((route) => route.startsWith("GET ") && isDownload(route));
  assert.ok(downloads.includes("GET /download_results/:batch_id"));
  const missing = [...wanted, ...downloads].filter(
    (route) => CASES[route] === undefined && !NOT_AUDITED.has(route),
  );
  assert.deepEqual(missing, [], "call recordAudit in it, and say here what it tells");
});

test("no other route shows anything of the person in a lead", async () => {
  const routes = routesOf(t.app.printRoutes({ commonPrefix: false }));
  const paths = routes.flatMap((route) => /^GET ([^*]+)$/.exec(route)?.[1] ?? []);
  const showing: string[] = [];
  for (const path of paths) {
    // From another address, which is another read than that of the case.
    const from = { remoteAddress: "192.0.2.9", headers: AUTH };
    const response = await t.app.inject({ url: urlOf(path), ...from });
    assert.ok(response.statusCode < 400, `${path}: ${response.statusCode} ${response.body}`);
    if (PERSON_SHOWN.test(response.body)) showing.push(`GET ${path}`);
  }
  const expected = Object.keys(CASES).filter((route) => route.startsWith("GET "));
  assert.deepEqual(showing.toSorted(), expected.toSorted(), "call recordRead or recordAudit in it");
});

test("each of them is told in the audit log once", async (context) => {
  for (const [route, expected] of Object.entries(CASES)) {
    await context.test(route, async () => {
      if (route.includes(":session_id")) ids = { ...ids, session_id: await openSession() };
      if (route.includes("_admin/cancel")) {
        ids = { ...ids, batch_id: (await uploadedBatch(t.app)).batchId };
      }
      const seen = await entries();
      const response = await call(route, expected);
      assert.equal(response.statusCode, expected.status, response.body);
      const told = [...(await entries())].filter(([key]) => !seen.has(key));
      assert.deepEqual(
        told.map(([, action]) => action),
        [expected.action],
      );
    });
  }
});
