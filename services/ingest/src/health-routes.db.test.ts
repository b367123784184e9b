import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { addToOutbox } from "@valify/database";
import { createHealth, createLogger, createMetrics, watchPools } from "@valify/runtime";
import { eventually } from "@valify/runtime/testing";
import { sql } from "kysely";

import { startOutboxGauges } from "./outbox-gauges.ts";
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
  assert.match(
    body,
    /http_server_request_duration_seconds_count\{[^}]*route="\/batch_status\/:batch_id"/,
  );
  assert.doesNotMatch(body, /canary/);
});

test("the metrics show what waits to be published, for how long, and who waits for Postgres", async () => {
  const metrics = createMetrics("test", "0");
  watchPools(metrics, [t.db]);
  await t.db.transaction().execute((trx) => addToOutbox(trx, "batch.uploaded", {}));
  await sql`update ingest.outbox set created_at = now() - interval '3 minutes'`.execute(t.db);
  await using _ = await startOutboxGauges({
    db: t.db,
    log: createLogger("test", "fatal"),
    metrics,
  });
  const { body: calm } = await metrics.render();
  assert.match(calm, /^valify_outbox_unpublished_rows 1$/m);
  assert.match(calm, /^valify_outbox_oldest_age_seconds 18\d(\.\d+)?$/m);
  assert.match(calm, /^valify_pg_pool_waiting 0$/m);
  // Ten connections; whoever comes eleventh waits.
  const asking = Array.from({ length: 12 }, () => sql`select pg_sleep(0.5)`.execute(t.db));
  const isBusy = async () => /^valify_pg_pool_waiting 2$/m.test((await metrics.render()).body);
  await eventually(isBusy, "two to wait");
  await Promise.all(asking);
});
