import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";

import { batchCancelled, batchIdOfUuid } from "@valify/contracts";
import { requireEnv } from "@valify/database/testing";

import { type Bus, connectBus } from "./bus.ts";
import { createHealth } from "./health.ts";
import { createLogger } from "./logger.ts";
import { eventually, startTestNats } from "./testing.ts";

const serverBinary = requireEnv("TEST_NATS_SERVER_BIN");

function recorder() {
  const events: string[] = [];
  const write = (line: string) => void events.push(JSON.parse(line).event);
  return { events, log: createLogger("test", "info", { write }) };
}

function publish(bus: Bus) {
  return bus.publish(batchCancelled, {
    batch_id: batchIdOfUuid(randomUUID()),
    tenant_id: randomUUID(),
    cancelled_at: "2024-01-15T10:30:00Z",
  });
}

test("waits for a server that is not there yet", async () => {
  await using nats = await startTestNats(serverBinary);
  await nats.stop();
  const connecting = connectBus({ url: nats.url, service: "test", log: recorder().log });
  await nats.start();
  await using bus = await connecting;
  await bus.check();
});

test("reconnects after an outage and goes on, and says both", async () => {
  await using nats = await startTestNats(serverBinary);
  const { log, events } = recorder();
  await using bus = await connectBus({ url: nats.url, service: "test", log, ackTimeoutMs: 300 });
  const health = createHealth({ nats: () => bus.check() }, () => performance.now() * 1_000);
  assert.equal((await health.report()).healthy, true);

  await nats.stop();
  await eventually(() => events.includes("bus.disconnected"), "the log to say so");
  assert.deepEqual(await health.report(), { healthy: false, failing: ["nats"] });
  await assert.rejects(publish(bus));

  await nats.start();
  await eventually(async () => (await health.report()).healthy, "a healthy bus");
  await eventually(() => events.includes("bus.reconnected"), "the log to say so");
  assert.equal((await publish(bus)).stream, "BATCH");
});

test("closes while the server is away", async () => {
  await using nats = await startTestNats(serverBinary);
  const { log, events } = recorder();
  const bus = await connectBus({ url: nats.url, service: "test", log });
  await nats.stop();
  await eventually(() => events.includes("bus.disconnected"), "the log to say so");
  await bus[Symbol.asyncDispose]();
  await bus.closed;
  await assert.rejects(publish(bus));
});

test("says when it is closed for good", async () => {
  await using nats = await startTestNats(serverBinary);
  const bus = await connectBus({ url: nats.url, service: "test", log: recorder().log });
  await bus[Symbol.asyncDispose]();
  await bus.closed;
  // Twice is no error: a stack may dispose what somebody closed before.
  await bus[Symbol.asyncDispose]();
});
