import assert from "node:assert/strict";
import { test } from "node:test";

import {
  DeliveryDetail,
  DeliveryPage,
  EndpointCreated,
  EndpointTestAccepted,
  ReplayView,
} from "@valify/contracts/api";

import { startConnectProxy } from "../support/connect-proxy.ts";
import { leadCsv } from "../support/lead-csv.ts";
import { type Stack, startStack } from "../support/stack.ts";
import { startWebhookReceiver } from "../support/webhook-receiver.ts";

const PASSWORD = "CANARY-of-the-proxy";

/** Sends a test event and waits until its delivery is over. */
async function tryOut(stack: Stack, endpointId: string): Promise<DeliveryDetailView> {
  const path = `/endpoints/${endpointId}/test`;
  const accepted = EndpointTestAccepted.parse(await stack.api.json("POST", path, 202));
  let detail: DeliveryDetailView | undefined;
  await stack.waitFor(async () => {
    const response = await stack.api.request("GET", `/deliveries/${accepted.delivery_id}`);
    if (response.status !== 200) return false;
    detail = DeliveryDetail.parse(await response.json());
    return detail.status !== "pending";
  }, "the test event is over");
  assert.ok(detail !== undefined);
  return detail;
}
type DeliveryDetailView = ReturnType<typeof DeliveryDetail.parse>;

// Goal: a customer sets up a second endpoint, tries it, rotates its secret without losing anything,
// moves it, and gets again what failed meanwhile; and all of it where webhooks leave by a proxy.
// Method: the whole system; one receiver that is down at first, another one to move to, and a proxy
// that dies in the end.
test("an endpoint is created, tried, rotated, moved, and caught up", async () => {
  await using proxy = await startConnectProxy(PASSWORD);
  await using stack = await startStack({
    webhookDelay: "PT1S",
    retryDelays: "PT0.2S",
    env: { WEBHOOK_PROXY_URL: proxy.url },
  });
  await using old = await startWebhookReceiver();
  await using moved = await startWebhookReceiver();
  const created = EndpointCreated.parse(
    await stack.api.json("POST", "/endpoints", 201, {
      url: old.url,
      headers: { "x-team": "sales" },
    }),
  );
  const { endpoint_id: endpointId } = created;
  old.setSecret(created.secret ?? "");

  const tried = await tryOut(stack, endpointId);
  assert.equal(tried.status, "sent");
  assert.deepEqual(
    tried.attempt_log.map(({ trigger, status_code }) => [trigger, status_code]),
    [["test", 200]],
  );
  assert.deepEqual(
    old.received.map(({ verified, body, headers }) => [verified, body.test, headers["x-team"]]),
    [[true, true, "sales"]],
  );

  const path = `/endpoints/${endpointId}/rotate_secret`;
  const rotated = EndpointCreated.parse(await stack.api.json("POST", path, 200));
  await tryOut(stack, endpointId);
  old.setSecret(rotated.secret ?? "");
  await tryOut(stack, endpointId);
  assert.ok(
    old.received.every(({ verified }) => verified),
    "the receiver holds the old secret, then the new one",
  );
  EndpointCreated.parse(await stack.api.json("POST", path, 200, { grace: "PT0S" }));
  await tryOut(stack, endpointId);
  assert.equal(old.received.at(-1)?.verified, false, "without grace the old one ends at once");

  old.respondWith(() => 500);
  const { batch_id: batchId } = await stack.api.upload(leadCsv({ valid: 2 }));
  await stack.waitFor(
    async () => (await stack.api.webhookCounts(batchId)).failed === 2,
    "both leads have failed at the second endpoint",
  );
  await stack.api.json("PATCH", `/endpoints/${endpointId}`, 200, { url: moved.url });
  const replay = ReplayView.parse(
    await stack.api.json("POST", "/replays", 202, { endpoint_id: endpointId, batch_id: batchId }),
  );
  assert.equal(replay.planned, 2);
  await stack.waitFor(
    async () => (await stack.api.webhookCounts(batchId)).sent === 2,
    "what failed has arrived at the new address",
  );
  const ended = await stack.api.json("GET", `/replays/${replay.replay_id}`, 200);
  assert.deepEqual(
    [ReplayView.parse(ended).status, ReplayView.parse(ended).queued],
    ["completed", 2],
  );
  const idsAt = (receiver: typeof old) =>
    new Set(receiver.received.filter(({ body }) => body.test !== true).map(({ id }) => id));
  assert.deepEqual(idsAt(moved), idsAt(old), "under the ids they had before");
  assert.equal(stack.receiver.received.length, 2, "the other endpoint hears of nothing twice");
  assert.deepEqual(
    new Set(proxy.targets),
    new Set([old, moved, stack.receiver].map(({ url }) => new URL(url).host)),
    "nothing went past the proxy",
  );

  await proxy.kill();
  const { batch_id: stranded } = await stack.api.upload(leadCsv({ valid: 1 }));
  const waiting = async () => {
    const page = await stack.api.json("GET", `/deliveries?batch_id=${stranded}`, 200);
    const { deliveries } = DeliveryPage.parse(page);
    return deliveries.map(({ wait_reason, attempts }) => `${wait_reason} ${attempts}`);
  };
  await stack.waitFor(
    async () => (await waiting()).join() === "internal 0,internal 0",
    "without the proxy both wait, and nobody is charged",
  );
  assert.ok(stack.logsContain("proxy.failed"));
  assert.ok(!stack.logsContain(PASSWORD) && !stack.logsContain(btoa(`valify:${PASSWORD}`)));
});
