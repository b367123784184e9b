import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, test } from "node:test";

import { jetstreamManager } from "@nats-io/jetstream";
import {
  batchCancelled,
  batchIdOfUuid,
  type BatchUploaded,
  batchUploaded,
} from "@valify/contracts";
import { requireEnv } from "@valify/database/testing";

import { connectBus } from "./bus.ts";
import { createLogger } from "./logger.ts";
import { eventually, startTestNats } from "./testing.ts";
import { parseTraceparent, traceIdOf } from "./trace-context.ts";

const nats = await startTestNats(requireEnv("TEST_NATS_SERVER_BIN"));
after(() => nats[Symbol.asyncDispose]());
const log = createLogger("test", "fatal");

function connect(ackTimeoutMs?: number) {
  const timeout = ackTimeoutMs === undefined ? {} : { ackTimeoutMs };
  return connectBus({ url: nats.url, service: "validator", log, ...timeout });
}

function upload(): BatchUploaded {
  return {
    batch_id: batchIdOfUuid(randomUUID()),
    tenant_id: randomUUID(),
    object_key: "uploads/1",
    byte_count: 10,
    total_leads: 1,
    as_of: "2024-01-15",
    webhook_delay_ms: 0,
    uploaded_at: "2024-01-15T10:30:00Z",
  };
}

function probe(subject: string, messageId: string, payload: string | Uint8Array = "{}") {
  return { subject, messageId, headers: {}, payload };
}

test("a publish resolves once the stream has the message, and says where", async () => {
  await using bus = await connect();
  const manager = await jetstreamManager(bus.connection);
  const event = upload();
  const ack = await bus.publish(batchUploaded, event);
  assert.deepEqual([ack.stream, ack.duplicate], ["BATCH", false]);
  const stored = await manager.streams.getMessage("BATCH", { seq: ack.seq });
  assert.deepEqual([stored?.subject, stored?.json()], ["batch.uploaded", event]);
});

test("the same event again is a duplicate and a success", async () => {
  await using bus = await connect();
  const event = upload();
  const first = await bus.publish(batchUploaded, event);
  const second = await bus.publish(batchUploaded, { ...event });
  assert.deepEqual(second, { ...first, duplicate: true });
});

test("CloudEvents attributes travel as headers, and nothing else does", async () => {
  await using bus = await connect();
  const manager = await jetstreamManager(bus.connection);
  const event = { batch_id: upload().batch_id, tenant_id: randomUUID() };
  const cancelled = { ...event, cancelled_at: "2024-01-15T10:30:00Z" };
  const { seq } = await bus.publish(batchCancelled, cancelled);
  const stored = await manager.streams.getMessage("BATCH", { seq });
  const headers = new Map([...(stored?.header ?? [])].map(([name, [value]]) => [name, value]));
  const time = headers.get("ce-time");
  assert.match(time ?? "", /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  assert.deepEqual(Object.fromEntries(headers), {
    "Nats-Msg-Id": `batch.cancelled:${event.batch_id}`,
    "ce-specversion": "1.0",
    "ce-id": `batch.cancelled:${event.batch_id}`,
    "ce-source": "/valify/validator",
    "ce-type": "com.valify.batch.cancelled.v1",
    "ce-time": time,
    "ce-dataschema": "urn:valify:batch.cancelled:v1",
    "ce-datacontenttype": "application/json",
    "valify-tenant": event.tenant_id,
    "valify-batch": event.batch_id,
    traceparent: headers.get("traceparent"),
  });
  const trace = parseTraceparent(headers.get("traceparent"));
  assert.equal(trace?.traceId, traceIdOf(event.batch_id));
});

test("an event that breaks its contract is rejected and not sent", async () => {
  await using bus = await connect();
  const manager = await jetstreamManager(bus.connection);
  const before = (await manager.streams.info("BATCH")).state.messages;
  await assert.rejects(bus.publish(batchUploaded, { ...upload(), total_leads: 0 }), {
    name: "ZodError",
  });
  const list = [{ ...upload(), total_leads: 0 }, upload()];
  await assert.rejects(bus.publishAll(batchUploaded, list), { name: "ZodError" });
  assert.equal((await manager.streams.info("BATCH")).state.messages, before);
});

test("of a list each event's end is told once, and one that is refused stops no other", async () => {
  await using bus = await connect();
  const events = Array.from({ length: 1_500 }, upload);
  const tooLarge = 700;
  events[tooLarge] = { ...upload(), object_key: "x".repeat(256 * 1_024) };
  const ends: (number | Error)[][] = events.map(() => []);
  bus.publishEach(batchUploaded, events, {
    acked: (index, { seq }) => void ends[index]?.push(seq),
    failed: (index, error) => void ends[index]?.push(error),
  });
  await eventually(() => ends.every((end) => end.length > 0), "an end for each");
  await bus.connection.flush();
  const [refused] = ends.splice(tooLarge, 1);
  assert.match(String(refused), /^Error: JetStream refused a message/);
  assert.equal(new Set(ends.flat()).size, 1_499);
});

test("a list without events is published at once", async () => {
  await using bus = await connect();
  assert.deepEqual(await bus.publishAll(batchUploaded, []), []);
});

test("a whole list goes out pipelined, in as many acknowledgements", async () => {
  await using bus = await connect();
  const events = Array.from({ length: 3_000 }, upload);
  const acks = await bus.publishAll(batchUploaded, events);
  assert.equal(new Set(acks.map(({ seq }) => seq)).size, 3_000);
});

test("no more than 1,000 messages wait for their acknowledgement at once", async () => {
  await using bus = await connect(60_000);
  const replies: string[] = [];
  const stream = JSON.stringify({ stream: "PROBE", seq: 1 });
  // In a stream's place: takes the messages and answers when we say so.
  bus.connection.subscribe("probe.window", {
    callback: (_error, message) => void replies.push(message.reply ?? ""),
  });
  const all = Promise.all(
    Array.from({ length: 1_500 }, (_, index) =>
      bus.publishMessage(probe("probe.window", `window-${index}`)),
    ),
  );
  await eventually(() => replies.length >= 1_000, "a full window");
  await bus.connection.flush();
  assert.equal(replies.length, 1_000);
  for (const reply of replies.slice(0, 10)) bus.connection.publish(reply, stream);
  await eventually(() => replies.length >= 1_010, "ten more");
  await bus.connection.flush();
  assert.equal(replies.length, 1_010);
  let answered = 10;
  while (answered < 1_500) {
    const next = answered + 1;
    await eventually(() => replies.length >= next, `message ${next}`);
    bus.connection.publish(replies[answered] ?? "", stream);
    answered = next;
  }
  assert.equal((await all).length, 1_500);
});

test("a publish that nobody acknowledges is rejected at its deadline", async () => {
  await using bus = await connect(300);
  bus.connection.subscribe("probe.silent", { callback: () => {} });
  await assert.rejects(
    bus.publishMessage(probe("probe.silent", "silent-1")),
    /^Error: no acknowledgement within 300 ms$/,
  );
});

test("a subject without a stream is told apart at once", async () => {
  await using bus = await connect();
  await assert.rejects(
    bus.publishMessage(probe("nobody.listens", "nobody-1")),
    /the topology is missing, run the migrate job/,
  );
});

test("a message that the stream refuses is rejected with the stream's reason", async () => {
  await using bus = await connect();
  const payload = Buffer.alloc(256 * 1_024 + 1);
  await assert.rejects(
    bus.publishMessage(probe("batch.failed", "too-large", payload)),
    /JetStream refused a message: .*size.* \(10054\)/,
  );
});

test("what is still unacknowledged when the bus closes is rejected at once", async () => {
  const bus = await connect(60_000);
  bus.connection.subscribe("probe.closing", { callback: () => {} });
  const publish = bus.publishMessage(probe("probe.closing", "closing-1"));
  const rejected = assert.rejects(publish, /closed/);
  await bus[Symbol.asyncDispose]();
  await rejected;
  await assert.rejects(bus.publishMessage(probe("probe.closing", "closing-2")));
});

test("what waits for a place when the bus closes is rejected as well", async () => {
  const bus = await connect(60_000);
  bus.connection.subscribe("probe.crowd", { callback: () => {} });
  const all = Array.from({ length: 1_200 }, (_, index) =>
    bus.publishMessage(probe("probe.crowd", `crowd-${index}`)),
  );
  const ended = Promise.allSettled(all);
  await bus[Symbol.asyncDispose]();
  assert.ok((await ended).every(({ status }) => status === "rejected"));
});

// Goal: a broker that dies in mid-stream costs nothing and doubles nothing.
// Method: publish with retries under the same ids, SIGKILL the server meanwhile, count what it holds.
test("a server that restarts in mid-stream ends up with every message exactly once", async () => {
  await using bus = await connect(500);
  const manager = await jetstreamManager(bus.connection);
  const before = (await manager.streams.info("BATCH")).state.messages;
  const progress = { published: 0, failed: 0, restarted: false };

  const publishUntilStored = async (event: BatchUploaded): Promise<void> => {
    const stored = await bus.publish(batchUploaded, event).then(
      () => true,
      () => false,
    );
    if (stored) return;
    progress.failed += 1;
    await publishUntilStored(event);
  };
  const publishMeanwhile = async (): Promise<void> => {
    do {
      const events = Array.from({ length: 500 }, upload);
      await Promise.all(events.map(publishUntilStored));
      progress.published += events.length;
    } while (!progress.restarted);
  };

  const work = publishMeanwhile();
  await eventually(() => progress.published >= 500, "the first messages");
  await nats.restart();
  progress.restarted = true;
  await work;
  assert.ok(progress.failed > 0, "the restart hit nothing");
  const held = (await manager.streams.info("BATCH")).state.messages;
  assert.equal(held - before, progress.published);
});
