import assert from "node:assert/strict";
import { after, test } from "node:test";

import { type JetStreamManager, jetstreamManager } from "@nats-io/jetstream";
import { nanos } from "@nats-io/transport-node";
import { requireEnv } from "@valify/database/testing";

import { connectBus } from "./bus.ts";
import { createLogger } from "./logger.ts";
import { startTestNats } from "./testing.ts";
import { applyTopology, DELIVERIES_MAX } from "./topology.ts";

const nats = await startTestNats(requireEnv("TEST_NATS_SERVER_BIN"));
const log = createLogger("test", "fatal");
const bus = await connectBus({ url: nats.url, service: "migrate", log });
const manager = await jetstreamManager(bus.connection);
after(async () => {
  await bus[Symbol.asyncDispose]();
  await nats[Symbol.asyncDispose]();
});

async function all<Item>(items: AsyncIterable<Item>): Promise<readonly Item[]> {
  const collected: Item[] = [];
  for await (const item of items) collected.push(item);
  return collected;
}

/** A manager of a server that takes a setting, drops it and says nothing, as old ones do. */
function forgetful(part: "streams" | "consumers", setting: string): JetStreamManager {
  const real = manager[part];
  const forget = new Proxy(real, {
    get: (_target, method) => {
      const call: unknown = Reflect.get(real, method);
      assert.ok(typeof call === "function");
      return async (...given: readonly unknown[]) => {
        const answer = await Reflect.apply(call, real, given);
        return method === "update"
          ? { ...answer, config: { ...answer.config, [setting]: undefined } }
          : answer;
      };
    },
  });
  return new Proxy(manager, {
    get: (target, name) => (name === part ? forget : Reflect.get(target, name)),
  });
}

/** Everything the server holds: names, settings and nothing of the state. */
async function everything(): Promise<object> {
  const streams = await all(manager.streams.list());
  const consumers = await Promise.all(
    streams.map(({ config }) => all(manager.consumers.list(config.name))),
  );
  return {
    streams: streams.map(({ config }) => config),
    consumers: consumers.flat().map(({ stream_name: stream, config }) => ({ stream, config })),
  };
}

test("applying it again changes nothing, also from two places at once", async () => {
  const before = await everything();
  await applyTopology(manager, 1);
  await Promise.all([applyTopology(manager, 1), applyTopology(manager, 1)]);
  assert.deepEqual(await everything(), before);
});

test("applying it keeps what the streams hold", async () => {
  const message = { subject: "batch.uploaded", messageId: "kept", headers: {}, payload: "{}" };
  const { seq } = await bus.publishMessage(message);
  await applyTopology(manager, 1);
  assert.equal((await manager.streams.getMessage("BATCH", { seq }))?.string(), "{}");
});

test("every stream keeps by limits, is bounded, and refuses rather than forgets", async () => {
  const streams = await all(manager.streams.list());
  const rules = streams.map(({ config }) => `${config.name} ${config.retention} ${config.discard}`);
  assert.deepEqual(rules.toSorted(), [
    "ADVISORIES limits old",
    "BATCH limits new",
    "DLQ limits new",
    "LEADS limits new",
    "WEBHOOKS limits new",
  ]);
  for (const { config } of streams) {
    assert.ok(
      config.max_bytes > 0 && config.max_age > 0 && config.duplicate_window > 0,
      config.name,
    );
    assert.equal(config.storage, "file");
  }
});

test("every consumer is a durable pull with explicit acks on one subject", async () => {
  const names: string[] = [];
  for (const stream of ["BATCH", "LEADS", "WEBHOOKS"]) {
    for (const { config } of await all(manager.consumers.list(stream))) {
      names.push(`${stream} ${config.durable_name} ${config.filter_subject}`);
      assert.deepEqual(
        [config.ack_policy, config.max_deliver, config.deliver_subject, config.backoff],
        ["explicit", DELIVERIES_MAX, undefined, undefined],
        config.durable_name,
      );
    }
  }
  assert.deepEqual(names.toSorted(), [
    "BATCH dispatcher-cancelled batch.cancelled",
    "BATCH dispatcher-erasure erasure.requested",
    "BATCH ingest-completed batch.completed",
    "BATCH ingest-erasure erasure.cleared",
    "BATCH ingest-failed batch.failed",
    "BATCH ingest-notify-failed batch.failed",
    "BATCH scheduler-cancelled batch.cancelled",
    "BATCH scheduler-erasure erasure.requested",
    "BATCH validator batch.uploaded",
    "BATCH validator-cancelled batch.cancelled",
    "BATCH validator-erasure erasure.requested",
    "LEADS scheduler lead.validated",
    "WEBHOOKS dispatcher webhook.due",
    "WEBHOOKS dispatcher-cancel webhook.cancel",
    "WEBHOOKS dispatcher-test webhook.test",
    "WEBHOOKS ingest-notify-disabled endpoint.disabled",
    "WEBHOOKS scheduler-retry webhook.retry",
  ]);
});

test("a setting that somebody changed by hand is put right", async () => {
  await manager.streams.update("BATCH", { max_age: nanos(2 * 3_600_000) });
  await manager.consumers.update("BATCH", "validator", { max_deliver: 3 });
  await applyTopology(manager, 1);
  assert.equal((await manager.streams.info("BATCH")).config.max_age, nanos(14 * 86_400_000));
  const { config } = await manager.consumers.info("BATCH", "validator");
  assert.equal(config.max_deliver, DELIVERIES_MAX);
});

test("what is missing is made again", async () => {
  await manager.consumers.delete("LEADS", "scheduler");
  await manager.streams.delete("DLQ");
  await applyTopology(manager, 1);
  assert.equal((await manager.consumers.info("LEADS", "scheduler")).name, "scheduler");
  assert.equal((await manager.streams.info("DLQ")).config.name, "DLQ");
});

test("a server that drops a setting is refused by the setting's name", async () => {
  await assert.rejects(
    applyTopology(forgetful("streams", "allow_direct"), 1),
    /did not take allow_direct of stream BATCH/,
  );
  await assert.rejects(
    applyTopology(forgetful("consumers", "max_ack_pending"), 1),
    /did not take max_ack_pending of consumer validator/,
  );
});
