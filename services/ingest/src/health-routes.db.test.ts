import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { createHealth } from "@valify/runtime";

import { createTestApp, type TestApp } from "./test-support.ts";

const bad = async () => Promise.reject(new Error("away"));
const good = async () => undefined;
let t: TestApp;
before(async () => {
  t = await createTestApp();
});
after(() => t[Symbol.asyncDispose]());

const answerWith = async (failing: readonly string[]) => {
  const check = (name: string) => (failing.includes(name) ? bad : good);
  const health = createHealth({
    database: check("database"),
    s3: check("s3"),
    nats: check("nats"),
  });
  await using own = await createTestApp({ health, db: t.db });
  const response = await own.app.inject({ url: "/health" });
  return [response.statusCode, response.json()] as const;
};

const fine = { status: "healthy", database: "connected", s3: "configured", nats: "connected" };

for (const [failing, status, body] of [
  [[], 200, fine],
  [["database"], 503, { ...fine, status: "unhealthy", database: "unreachable" }],
  [["s3"], 503, { ...fine, status: "unhealthy", s3: "unreachable" }],
  [["nats"], 503, { ...fine, status: "unhealthy", nats: "disconnected" }],
] as const) {
  test(`health with ${failing.join() || "nothing"} away is ${status}`, async () => {
    assert.deepEqual(await answerWith(failing), [status, body]);
  });
}

test("a draining process is alive, and ready for nothing", async () => {
  const health = createHealth({});
  health.drain();
  await using own = await createTestApp({ readiness: health, health, db: t.db });
  assert.equal((await own.app.inject({ url: "/health/ready" })).statusCode, 503);
  assert.equal((await own.app.inject({ url: "/health/live" })).statusCode, 200);
});

test("the metrics count requests by the route's pattern, never by its URL", async () => {
  await t.app.inject({ url: "/batch_status/batch_canary" });
  const { body } = await t.app.inject({ url: "/metrics" });
  assert.match(body, /valify_http_request_seconds_count\{[^}]*route="\/batch_status\/:batch_id"/);
  assert.doesNotMatch(body, /canary/);
});
