import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, test } from "node:test";

import { webhookTest } from "@valify/contracts";

import { DEFAULT_TENANT_ID } from "./bootstrap.ts";
import { addEndpoint } from "./delivery-fixture.ts";
import { AUTH, codeOf, createTestApp, OTHER_AUTH, type TestApp } from "./test-support.ts";

let t: TestApp;
before(async () => {
  t = await createTestApp();
});
after(() => t[Symbol.asyncDispose]());

const tryOut = (endpointId: string, headers = AUTH, { app } = t) =>
  app.inject({ method: "POST", url: `/endpoints/${endpointId}/test`, headers });

test("a test event is asked for under a delivery of its own, each time another", async () => {
  const endpointId = await addEndpoint(t.owner, { status: "paused" });
  const ids = new Set<string>();
  for (let count = 0; count < 2; count += 1) {
    const response = await tryOut(endpointId);
    assert.equal(response.statusCode, 202, response.body);
    const { delivery_id: deliveryId } = response.json<{ delivery_id: string }>();
    assert.equal(response.headers["location"], `/deliveries/${deliveryId}`);
    ids.add(deliveryId);
  }
  assert.equal(ids.size, 2);
  assert.deepEqual(
    t.tests.map((event) => webhookTest.schema.parse(event).delivery_id),
    [...ids],
  );
  const [event] = t.tests;
  assert.deepEqual([event?.endpoint_id, event?.tenant_id], [endpointId, DEFAULT_TENANT_ID]);
});

test("there is no test of another tenant's endpoint, nor of none", async () => {
  t.tests.length = 0;
  const endpointId = await addEndpoint(t.owner);
  for (const response of [
    await tryOut(endpointId, OTHER_AUTH),
    await tryOut(randomUUID()),
    await tryOut("nonsense"),
  ]) {
    assert.deepEqual([response.statusCode, codeOf(response)], [404, "ENDPOINT_NOT_FOUND"]);
  }
  assert.deepEqual(t.tests, []);
});

test("a test without a broker is a 503", async () => {
  await using broken = await createTestApp({
    publishTest: async () => Promise.reject(new Error("no acknowledgement")),
  });
  const response = await tryOut(await addEndpoint(broken.owner), AUTH, broken);
  assert.deepEqual([response.statusCode, codeOf(response)], [503, "BROKER_UNAVAILABLE"]);
});
