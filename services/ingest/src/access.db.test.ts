import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import Fastify from "fastify";

import { hashOfSecret, requirePermissions } from "./auth.ts";
import {
  API_KEY,
  AUTH,
  codeOf,
  createTestApp,
  OTHER_AUTH,
  type TestApp,
  upload,
  uploadedBatch,
} from "./test-support.ts";

let t: TestApp;
let batchId: string;
before(async () => {
  t = await createTestApp();
  ({ batchId } = await uploadedBatch(t.app));
});
after(() => t[Symbol.asyncDispose]());

const batchRoutes = [
  ["GET", "/batch_status/:id"],
  ["GET", "/batch_events/:id"],
  ["GET", "/download_results/:id"],
  ["GET", "/webhook_status/:id"],
  ["POST", "/webhook_retry/:id"],
  ["POST", "/batches/:id/cancel"],
] as const;
const routes = [...batchRoutes, ["GET", "/batches"], ["POST", "/upload_batch"]] as const;

const urlOf = (path: string) => path.replace(":id", batchId);

for (const [method, path] of routes) {
  test(`${method} ${path} refuses whoever shows no key`, async () => {
    const response = await t.app.inject({ method, url: urlOf(path) });
    assert.equal(response.statusCode, 401);
    assert.equal(response.headers["content-type"], "application/problem+json; charset=utf-8");
    assert.match(String(response.headers["www-authenticate"]), /^Bearer/);
    assert.equal(response.json<{ code: string }>().code, "AUTH_REQUIRED");
  });

  test(`${method} ${path} refuses an unknown key`, async () => {
    const headers = { authorization: "Bearer nobody" };
    const response = await t.app.inject({ method, url: urlOf(path), headers });
    assert.equal(response.statusCode, 401);
    assert.equal(response.json<{ code: string }>().code, "AUTH_INVALID");
  });
}

for (const [method, path] of batchRoutes) {
  test(`${method} ${path} hides another tenant's batch`, async () => {
    const response = await t.app.inject({ method, url: urlOf(path), headers: OTHER_AUTH });
    assert.equal(response.statusCode, 404);
    assert.equal(response.json<{ code: string }>().code, "BATCH_NOT_FOUND");
  });

  for (const unknown of ["batch_00000000000000000000000000", "batch_x", "%00", "1;drop"]) {
    test(`${method} ${path} knows no batch ${unknown}`, async () => {
      const url = path.replace(":id", unknown);
      const response = await t.app.inject({ method, url, headers: AUTH });
      assert.equal(response.statusCode, 404);
      assert.equal(response.json<{ code: string }>().code, "BATCH_NOT_FOUND");
    });
  }
}

test("the list of batches holds the tenant's own only", async () => {
  const others = await t.app.inject({ url: "/batches", headers: OTHER_AUTH });
  assert.deepEqual(others.json(), { batches: [], next_cursor: null });
});

test("the same idempotency key of two tenants means two batches", async () => {
  const key = { "idempotency-key": "shared" };
  const ours = await upload(t.app, undefined, { ...AUTH, ...key });
  const theirs = await upload(t.app, "first_name,last_name,dob\nX,Y,01/01/1980\n", {
    ...OTHER_AUTH,
    ...key,
  });
  assert.deepEqual([ours.statusCode, theirs.statusCode], [202, 202]);
});

for (const authorization of ["Basic abc", "Bearer", API_KEY, `Bearer ${API_KEY} x`]) {
  test(`an Authorization header of another form is invalid: ${authorization.slice(0, 8)}`, async () => {
    const response = await t.app.inject({ url: "/batches", headers: { authorization } });
    assert.equal(response.json<{ code: string }>().code, "AUTH_INVALID");
  });
}

test("a revoked key is refused at once", async () => {
  const [tenant] = (await t.owner.query("select tenant_id from ingest.tenants limit 1")).rows;
  await t.owner.query(
    "insert into ingest.api_keys (tenant_id, name, key_hash) values ($1, 'short-lived', $2)",
    [tenant.tenant_id, hashOfSecret("short-lived")],
  );
  const ask = () =>
    t.app.inject({ url: "/batches", headers: { authorization: "bearer short-lived" } });
  assert.equal((await ask()).statusCode, 200);
  await t.owner.query("update ingest.api_keys set revoked_at = now() where name = 'short-lived'");
  assert.equal((await ask()).statusCode, 401);
});

test("a key may do what its scopes say and is told so where it may not", async () => {
  await t.owner.query(
    `insert into ingest.api_keys (tenant_id, name, key_hash, scopes)
     select tenant_id, 'reader', $1, '{batches:read}' from ingest.batches limit 1`,
    [hashOfSecret("reader")],
  );
  const headers = { authorization: "Bearer reader" };
  const ask = (method: "GET" | "POST", path: string) =>
    t.app.inject({ method, url: urlOf(path), headers });
  assert.equal((await ask("GET", "/batch_status/:id")).statusCode, 200);
  for (const [method, path] of [
    ["POST", "/batches/:id/cancel"],
    ["POST", "/upload_batch"],
    ["GET", "/webhook_status/:id"],
  ] as const) {
    const response = await ask(method, path);
    assert.equal(response.statusCode, 403, path);
    assert.equal(codeOf(response), "PERMISSION_MISSING");
  }
});

test("a route that names no permission stops the app at its start", () => {
  const app = Fastify();
  requirePermissions(app);
  app.get("/fine", { config: { permission: "self" } }, () => "");
  assert.throws(() => app.get("/forgotten", () => ""), /GET \/forgotten names no permission/);
});

test("a key tells when it was used, without a write for each request", async () => {
  const lastUsed = async () => {
    await t.app.inject({ url: "/batches", headers: OTHER_AUTH });
    const { rows } = await t.owner.query(
      "select last_used_at as at, xmin from ingest.api_keys where name = 'other'",
    );
    return rows[0];
  };
  const first = await lastUsed();
  assert.ok(first.at instanceof Date);
  assert.deepEqual(await lastUsed(), first);
  await t.owner.query("update ingest.api_keys set last_used_at = now() - interval '6 minutes'");
  assert.ok((await lastUsed()).at >= first.at);
});

test("keys are kept as hashes only", async () => {
  const { rows } = await t.owner.query("select k::text as text from ingest.api_keys as k");
  for (const { text } of rows) assert.ok(!String(text).includes(API_KEY));
});

for (const url of [
  "/",
  "/health",
  "/health/live",
  "/health/ready",
  "/metrics",
  "/batch_admin/style.css",
]) {
  test(`${url} asks for no key`, async () => {
    const response = await t.app.inject({ url });
    assert.ok(response.statusCode < 400, String(response.statusCode));
  });
}

test("an unknown route is a 404 of its own", async () => {
  const response = await t.app.inject({ url: "/nowhere", headers: AUTH });
  assert.equal(response.statusCode, 404);
  assert.equal(response.json<{ code: string }>().code, "ROUTE_NOT_FOUND");
});
