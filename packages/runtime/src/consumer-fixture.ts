import { randomUUID } from "node:crypto";
import { after } from "node:test";

import { AckPolicy, DeliverPolicy, jetstreamManager } from "@nats-io/jetstream";
import { nanos } from "@nats-io/transport-node";
import { batchIdOfUuid, type BatchUploaded, batchUploaded } from "@valify/contracts";
import { requireEnv } from "@valify/database/testing";

import { connectBus } from "./bus.ts";
import { startConsumer } from "./consumer.ts";
import { createLogger } from "./logger.ts";
import { createMetrics } from "./metrics.ts";
import type { ConsumerDeps, ConsumerSpec } from "./settle-message.ts";
import { eventually, startTestNats } from "./testing.ts";
import { DELIVERIES_MAX } from "./topology.ts";

// For the tests of the consumer loop: a server, a bus, and durables of the test's own. Imported
// once per test file, each of which is a process of its own.

export const nats = await startTestNats(requireEnv("TEST_NATS_SERVER_BIN"));
export const lines: string[] = [];
const log = createLogger("test", "debug", { write: (line) => void lines.push(line) });
export const bus = await connectBus({ url: nats.url, service: "validator", log });
export const manager = await jetstreamManager(bus.connection);
export const metrics = createMetrics("test", "0");
after(async () => {
  await bus[Symbol.asyncDispose]();
  await nats[Symbol.asyncDispose]();
});

/** A durable of the test's own, which sees only what is published from now on. */
export async function durable(ackWaitMs = 30_000): Promise<string> {
  const name = `test-${randomUUID()}`;
  await manager.consumers.add("BATCH", {
    durable_name: name,
    filter_subject: "batch.uploaded",
    ack_policy: AckPolicy.Explicit,
    deliver_policy: DeliverPolicy.New,
    ack_wait: nanos(ackWaitMs),
    max_deliver: DELIVERIES_MAX,
  });
  return name;
}

/** Starts a consumer of `batch.uploaded` while every dependency is there, unless told otherwise. */
export function start(
  spec: Pick<ConsumerSpec<BatchUploaded>, "durable" | "handle"> &
    Partial<ConsumerSpec<BatchUploaded>>,
  deps: Partial<ConsumerDeps> = {},
) {
  return startConsumer(
    { bus, log, metrics, isReady: async () => true, ...deps },
    { event: batchUploaded, concurrency: 8, ...spec },
  );
}

export function upload(row = 1): BatchUploaded {
  return {
    batch_id: batchIdOfUuid(randomUUID()),
    tenant_id: randomUUID(),
    object_key: "uploads/1",
    byte_count: 10,
    total_leads: row,
    as_of: "2024-01-15",
    webhook_delay_ms: 0,
    uploaded_at: "2024-01-15T10:30:00Z",
  };
}

export const info = (name: string) => manager.consumers.info("BATCH", name);

/** Something was delivered, all of it is answered, and nothing waits. */
export function eventuallyDone(name: string): Promise<void> {
  return eventually(async () => {
    const { num_ack_pending: unanswered, num_pending: waiting, delivered } = await info(name);
    // The server may tell of a message just stored a moment after its publisher knows.
    return delivered.consumer_seq > 0 && unanswered === 0 && waiting === 0;
  }, "every message to be answered");
}

/** The dead letter of a message of this durable, once it is stored. */
export async function deadLetter(name: string, seq: number) {
  const { state } = await manager.streams.info("DLQ");
  for (let at = state.first_seq; at <= state.last_seq; at += 1) {
    const found = await manager.streams.getMessage("DLQ", { seq: at });
    if (found?.header.get("Nats-Msg-Id") === `BATCH:${name}:${seq}`) return found;
  }
  return undefined;
}

/** Counts the "still working" signals on a message of this durable. */
export function countWorking(name: string) {
  const counted = { count: 0 };
  const subscription = bus.connection.subscribe("$JS.ACK.>", {
    callback: (_error, message) => {
      if (message.subject.includes(name) && message.string() === "+WPI") counted.count += 1;
    },
  });
  return Object.assign(counted, { [Symbol.dispose]: () => subscription.unsubscribe() });
}
