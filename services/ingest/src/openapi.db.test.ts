import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { PROBLEM_CODES } from "@valify/contracts/api";

import {
  AUTH,
  codeOf,
  createTestApp,
  OTHER_AUTH,
  routesOf,
  type TestApp,
  uploadedBatch,
} from "./test-support.ts";

// Goal: the API is described by its own schemas, and nothing is left out.
// Every other test of a route holds its answers against this document (check-answers.ts).
let t: TestApp;
before(async () => {
  t = await createTestApp();
});
after(() => t[Symbol.asyncDispose]());

interface Described {
  readonly openapi: string;
  readonly paths: Record<
    string,
    Record<string, { responses: Record<string, object>; security: object[] }>
  >;
  readonly webhooks: Record<string, object>;
  readonly components: { schemas: Record<string, { properties: Record<string, object> }> };
}

const describedApi = async () => {
  const response = await t.app.inject({ url: "/openapi.json" });
  assert.equal(response.statusCode, 200);
  return response.json<Described>();
};

test("every route for programs is described, with its answers and who may ask", async () => {
  const api = await describedApi();
  assert.equal(api.openapi, "3.1.1");
  const routes = routesOf(t.app.printRoutes({ commonPrefix: false }))
    .filter((route) => !/ (\/|\*|\/batch_admin.*|\/docs.*|\/openapi\.json)$/.test(route))
    .filter((route) => !/^(HEAD|OPTIONS) /.test(route));
  assert.ok(routes.length >= 10, "the router's tree is read");
  for (const route of routes) {
    const [method = "", path = ""] = route.split(" ");
    const operation = api.paths[path.replaceAll(/:(\w+)/g, "{$1}")]?.[method.toLowerCase()];
    assert.ok(operation, `${route} is not described`);
    const statuses = Object.keys(operation.responses);
    assert.ok(
      statuses.some((status) => status.startsWith("2")),
      `${route} has no answer of success`,
    );
    assert.ok(statuses.includes("500"), `${route} has no problem`);
  }
});

test("a described route asks for a key unless it says that it is open", async () => {
  const api = await describedApi();
  assert.deepEqual(api.paths["/batches"]?.["get"]?.security, [{ api_key: [] }, { session: [] }]);
  assert.deepEqual(api.paths["/health"]?.["get"]?.security, []);
});

test("the document tells the problem codes and the webhook that we send", async () => {
  const api = await describedApi();
  const code = api.components.schemas["Problem"]?.properties["code"];
  assert.deepEqual(code && "x-codes" in code && code["x-codes"], PROBLEM_CODES);
  assert.deepEqual(Object.keys(api.webhooks), ["lead"]);
  assert.ok(api.components.schemas["WebhookPayload"]?.properties["webhook_scheduled_for"]);
});

test("a route that takes an Idempotency-Key says so", async () => {
  const { paths } = await describedApi();
  const taking = Object.entries(paths).flatMap(([path, operations]) =>
    Object.values(operations).some((operation) =>
      JSON.stringify(operation).includes('"name":"idempotency-key"'),
    )
      ? [path]
      : [],
  );
  assert.deepEqual(taking.toSorted(), ["/endpoints", "/upload_batch"]);
});

test("the documentation page loads nothing from elsewhere", async () => {
  const page = await t.app.inject({ url: "/docs/" });
  assert.equal(page.statusCode, 200);
  assert.doesNotMatch(page.body, /https?:\/\//);
  assert.match(String(page.headers["content-security-policy"]), /script-src 'self';/);
  const script = await t.app.inject({ url: "/docs/static/swagger-ui-bundle.js" });
  assert.equal(script.statusCode, 200);
  const start = await t.app.inject({ url: "/docs/static/swagger-initializer.js" });
  assert.match(start.body, /\/openapi\.json/);
});

test("a status that the client has already is not sent again", async () => {
  const { batchId } = await uploadedBatch(t.app);
  const url = `/batch_status/${batchId}`;
  const first = await t.app.inject({ url, headers: AUTH });
  const etag = String(first.headers["etag"]);
  assert.match(etag, /^"[\w-]{20,}"$/);
  const ask = (tag: string) => t.app.inject({ url, headers: { ...AUTH, "if-none-match": tag } });
  for (const tag of [etag, `W/${etag}`, `"other", ${etag}`, "*"]) {
    const again = await ask(tag);
    assert.deepEqual([again.statusCode, again.body, again.headers["etag"]], [304, "", etag]);
  }
  assert.equal((await ask('"other"')).statusCode, 200);
  await t.app.inject({ method: "POST", url: `/batches/${batchId}/cancel`, headers: AUTH });
  const changed = await ask(etag);
  assert.equal(changed.statusCode, 200);
  assert.notEqual(changed.headers["etag"], etag);
});

test("answers carry the headers that keep browsers out of trouble", async () => {
  const { headers } = await t.app.inject({ url: "/batches", headers: AUTH });
  assert.equal(headers["x-content-type-options"], "nosniff");
  assert.equal(headers["cache-control"], "no-store");
  assert.match(String(headers["content-security-policy"]), /default-src 'none'/);
  assert.equal(headers["access-control-allow-origin"], undefined);
});

test("pages of listed sites may call the API, others may not", async () => {
  const origin = "https://app.example.com";
  await using own = await createTestApp({ config: { CORS_ORIGINS: [origin] } });
  const ask = (from: string) =>
    own.app.inject({ url: "/batches", headers: { ...AUTH, origin: from } });
  const allowed = await ask(origin);
  assert.equal(allowed.headers["access-control-allow-origin"], origin);
  assert.equal(allowed.headers["access-control-allow-credentials"], undefined);
  assert.match(String(allowed.headers["access-control-expose-headers"]), /retry-after/);
  const foreign = await ask("https://evil.example.com");
  assert.equal(foreign.headers["access-control-allow-origin"], undefined);
  const preflight = await own.app.inject({
    method: "OPTIONS",
    url: "/upload_batch",
    headers: { origin, "access-control-request-method": "POST" },
  });
  assert.equal(preflight.statusCode, 204);
  assert.match(String(preflight.headers["access-control-allow-headers"]), /idempotency-key/);
});

test("a caller over its limit waits, others do not", async () => {
  await using own = await createTestApp({ config: { REQUESTS_PER_MINUTE: 3 } });
  const ask = (headers: Record<string, string>) => own.app.inject({ url: "/batches", headers });
  for (const left of ["2", "1", "0"]) {
    const { statusCode, headers } = await ask(AUTH);
    assert.deepEqual([statusCode, headers["ratelimit-limit"]], [200, "3"]);
    assert.equal(headers["ratelimit-remaining"], left);
  }
  const refused = await ask(AUTH);
  assert.deepEqual([refused.statusCode, codeOf(refused)], [429, "RATE_LIMITED"]);
  const retryAfter = Number(refused.headers["retry-after"]);
  assert.ok(retryAfter >= 1 && retryAfter <= 60);
  assert.equal((await ask(OTHER_AUTH)).statusCode, 200);
});

test("whoever guesses keys is not looked up any more", async () => {
  await using own = await createTestApp();
  const guess = (turn: number) =>
    own.app.inject({ url: "/batches", headers: { authorization: `Bearer guess-${turn}` } });
  const statuses: number[] = [];
  for (let turn = 0; turn < 62; turn += 1) statuses.push((await guess(turn)).statusCode);
  assert.deepEqual([statuses[0], statuses[59], statuses.at(-1)], [401, 401, 429]);
});
