import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, test } from "node:test";

import { AckPolicy, DeliverPolicy, jetstream, jetstreamManager } from "@nats-io/jetstream";
import { nanos } from "@nats-io/transport-node";
import { batchIdOfUuid, type BatchUploaded, batchUploaded } from "@valify/contracts";
import { requireEnv } from "@valify/database/testing";

import { connectBus } from "./bus.ts";
import { startConsumer } from "./consumer.ts";
import { PermanentError } from "./errors.ts";
import { createLogger } from "./logger.ts";
import { createMetrics } from "./metrics.ts";
import type { ConsumerDeps, ConsumerSpec } from "./settle-message.ts";
import { eventually, startTestNats } from "./testing.ts";
import { applyTopology, DELIVERIES_MAX } from "./topology.ts";

const nats = await startTestNats(requireEnv("TEST_NATS_SERVER_BIN"));
const lines: string[] = [];
const log = createLogger("test", "debug", { write: (line) => void lines.push(line) });
const bus = await connectBus({ url: nats.url, service: "validator", log });
const manager = await jetstreamManager(bus.connection);
const metrics = createMetrics("test", "0");
after(async () => {
  await bus[Symbol.asyncDispose]();
  await nats[Symbol.asyncDispose]();
});

/** A durable of the test's own, which sees only what is published from now on. */
async function durable(ackWaitMs = 30_000): Promise<string> {
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

function start(
  spec: Pick<ConsumerSpec<BatchUploaded>, "durable" | "handle"> &
    Partial<ConsumerSpec<BatchUploaded>>,
  deps: Partial<ConsumerDeps> = {},
) {
  return startConsumer(
    { bus, log, metrics, isReady: async () => true, ...deps },
    { event: batchUploaded, concurrency: 8, ...spec },
  );
}

function upload(row = 1): BatchUploaded {
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

const info = (name: string) => manager.consumers.info("BATCH", name);

/** Everything delivered is answered, and nothing waits. */
function eventuallyDone(name: string): Promise<void> {
  return eventually(async () => {
    const { num_ack_pending: unanswered, num_pending: waiting } = await info(name);
    return unanswered === 0 && waiting === 0;
  }, "every message to be answered");
}

async function deadLetter(name: string, seq: number) {
  const { state } = await manager.streams.info("DLQ");
  for (let at = state.first_seq; at <= state.last_seq; at += 1) {
    const found = await manager.streams.getMessage("DLQ", { seq: at });
    if (found?.header.get("Nats-Msg-Id") === `BATCH:${name}:${seq}`) return found;
  }
  return undefined;
}

/** Counts the "still working" signals on a message of this durable. */
function countWorking(name: string) {
  const counted = { count: 0 };
  const subscription = bus.connection.subscribe("$JS.ACK.>", {
    callback: (_error, message) => {
      if (message.subject.includes(name) && message.string() === "+WPI") counted.count += 1;
    },
  });
  return Object.assign(counted, { [Symbol.dispose]: () => subscription.unsubscribe() });
}

test("a handler that returns has its message acknowledged", async () => {
  const name = await durable();
  const seen: BatchUploaded[] = [];
  await using _ = await start({ durable: name, handle: async (event) => void seen.push(event) });
  const event = upload();
  const { seq } = await bus.publish(batchUploaded, event);
  await eventuallyDone(name);
  assert.deepEqual(seen, [event]);
  const { ack_floor: floor, delivered } = await info(name);
  assert.deepEqual([floor.stream_seq, delivered.consumer_seq], [seq, 1]);
});

test("a handler that fails gets its message again", async () => {
  const name = await durable();
  let calls = 0;
  const handle = async () => {
    calls += 1;
    if (calls < 3) throw new Error("connection reset");
  };
  await using _ = await start({ durable: name, handle });
  await bus.publish(batchUploaded, upload());
  await eventuallyDone(name);
  assert.equal(calls, 3);
  assert.equal((await info(name)).delivered.consumer_seq, 3);
});

test("a permanent error stores the message as it was, then ends it with the reason", async () => {
  const name = await durable();
  let calls = 0;
  const told: unknown[] = [];
  const error = new PermanentError("the file is gone", { code: "FILE_GONE" });
  await using _ = await start({
    durable: name,
    handle: () => {
      calls += 1;
      return Promise.reject(error);
    },
    onDeadLetter: async (event, reason) => void told.push(event, reason),
  });
  const event = upload();
  const { seq } = await bus.publish(batchUploaded, event);
  await eventuallyDone(name);
  assert.equal(calls, 1);
  assert.deepEqual(told, [event, error]);

  const dead = await deadLetter(name, seq);
  assert.deepEqual([dead?.subject, dead?.json()], ["dlq.batch.uploaded", event]);
  assert.deepEqual(
    Object.fromEntries([...(dead?.header ?? [])].map(([key, [value]]) => [key, value])),
    {
      "Nats-Msg-Id": `BATCH:${name}:${seq}`,
      "valify-stream": "BATCH",
      "valify-consumer": name,
      "valify-sequence": String(seq),
      "valify-deliveries": "1",
      "valify-reason": "FILE_GONE",
    },
  );
  const advisory = await manager.streams.getMessage("ADVISORIES", {
    last_by_subj: `$JS.EVENT.ADVISORY.CONSUMER.MSG_TERMINATED.BATCH.${name}`,
  });
  assert.equal(advisory?.json<{ reason: string }>().reason, "FILE_GONE");
});

test("what is no event at all becomes a dead letter, and none of it reaches the log", async () => {
  const name = await durable();
  const handle = async () => assert.fail("handled");
  const onDeadLetter = async () => assert.fail("told of an event that there is not");
  await using _ = await start({ durable: name, handle, onDeadLetter });
  lines.length = 0;
  const bodies = [
    '{"first_name":"CANARY',
    "CANARY",
    JSON.stringify({ ...upload(), batch_id: "CANARY" }),
  ];
  for (const [index, body] of bodies.entries()) {
    const messageId = `${name}:${index}`;
    const message = { subject: "batch.uploaded", messageId, headers: {}, payload: body };
    const { seq } = await bus.publishMessage(message);
    await eventually(async () => (await deadLetter(name, seq)) !== undefined, "a dead letter");
    const dead = await deadLetter(name, seq);
    assert.deepEqual(
      [dead?.string(), dead?.header.get("valify-reason")],
      [body, "EVENT_MALFORMED"],
    );
  }
  await eventuallyDone(name);
  assert.match(lines.join(""), /EVENT_MALFORMED/);
  assert.doesNotMatch(lines.join(""), /CANARY/);
});

test("a message that failed at every delivery becomes a dead letter before the last one", async () => {
  const name = await durable();
  const { seq } = await bus.publish(batchUploaded, upload());
  const raw = await jetstream(bus.connection).consumers.get("BATCH", name);
  for (let delivery = 1; delivery <= DELIVERIES_MAX - 2; delivery += 1) {
    (await raw.next())?.nak();
  }
  const handle = () => Promise.reject(new Error("still broken"));
  await using _ = await start({ durable: name, handle });
  await eventuallyDone(name);
  const dead = await deadLetter(name, seq);
  assert.equal(dead?.header.get("valify-reason"), "DELIVERIES_EXHAUSTED");
  assert.equal(dead?.header.get("valify-deliveries"), String(DELIVERIES_MAX - 1));
});

test("a message is not ended before its dead letter is stored", async () => {
  const name = await durable();
  const handle = () => Promise.reject(new PermanentError("bad", { code: "BAD" }));
  await manager.streams.delete("DLQ");
  lines.length = 0;
  await using _ = await start({ durable: name, handle });
  const { seq } = await bus.publish(batchUploaded, upload());
  await eventually(
    () => lines.some((line) => line.includes("message.dead_letter_failed")),
    "a try",
  );
  assert.equal((await info(name)).num_ack_pending, 1);
  await applyTopology(manager, 1);
  await eventuallyDone(name);
  assert.equal((await deadLetter(name, seq))?.header.get("valify-reason"), "BAD");
});

test("a handler that says later gets its message again after that while, and not as a failure", async () => {
  const name = await durable();
  const atMs: number[] = [];
  const handle = async () => {
    atMs.push(performance.now());
    return atMs.length === 1 ? ({ kind: "later", delayMs: 600 } as const) : undefined;
  };
  lines.length = 0;
  await using _ = await start({ durable: name, handle });
  await bus.publish(batchUploaded, upload());
  await eventuallyDone(name);
  const [first = 0, second = 0] = atMs;
  // A failure would have come back after 312 ms at most.
  assert.ok(second - first > 400, `${second - first} ms`);
  assert.deepEqual(
    lines.filter((line) => line.includes(name)).map((line) => JSON.parse(line).event),
    ["message.postponed", "message.handled"],
  );
});

test("while a dependency is away a message is held alive, and its deliveries are not spent", async () => {
  // Shorter than the two signals that the hold sends: without them it would be delivered again.
  const name = await durable(6_000);
  let ready = false;
  let calls = 0;
  const handle = async () => {
    calls += 1;
    if (!ready) throw new Error("connection refused");
  };
  using working = countWorking(name);
  await using _ = await start({ durable: name, handle }, { isReady: async () => ready });
  await bus.publish(batchUploaded, upload());
  await eventually(() => working.count >= 2, "two signals");
  assert.equal(calls, 1);
  ready = true;
  await eventuallyDone(name);
  assert.equal(calls, 2);
  assert.equal((await info(name)).delivered.consumer_seq, 1);
});

test("a heartbeat keeps a long handler's message from being delivered again", async () => {
  const name = await durable(1_000);
  using working = countWorking(name);
  let calls = 0;
  const handle = async () => {
    calls += 1;
    await eventually(() => working.count >= 10, "ten signals");
  };
  await using _ = await start({ durable: name, handle, heartbeatMs: 200 });
  await bus.publish(batchUploaded, upload());
  await eventuallyDone(name);
  assert.equal(calls, 1);
  assert.equal((await info(name)).delivered.consumer_seq, 1);
});

test("no more handlers run at once than allowed, and all of them get their turn", async () => {
  const name = await durable();
  const gates: (() => void)[] = [];
  let most = 0;
  let running = 0;
  const handle = async () => {
    running += 1;
    most = Math.max(most, running);
    await new Promise<void>((resolve) => gates.push(resolve));
    running -= 1;
  };
  await using _ = await start({ durable: name, handle, concurrency: 3 });
  await bus.publishAll(
    batchUploaded,
    Array.from({ length: 20 }, () => upload()),
  );
  for (let done = 0; done < 20; done += 1) {
    await eventually(() => gates.length > 0, "the next handler");
    gates.shift()?.();
  }
  await eventuallyDone(name);
  assert.equal(most, 3);
});

// Goal: a stop neither cuts a handler off nor makes what it pulled wait for the ack wait.
// Method: 50 at work, almost as many in the buffer, an ack wait far beyond the test; another takes over.
test("a stop lets running handlers end and gives the rest back at once", async () => {
  const name = await durable(600_000);
  const handled: number[] = [];
  const gate = Promise.withResolvers<void>();
  await using first = await start({
    durable: name,
    concurrency: 50,
    handle: async ({ total_leads: number }) => {
      await gate.promise;
      handled.push(number);
    },
  });
  // Else a failure below would wait for the handlers for ever.
  using _open = { [Symbol.dispose]: () => gate.resolve() };
  const events = Array.from({ length: 200 }, (_, index) => upload(index + 1));
  await bus.publishAll(batchUploaded, events);
  // The client asks for more when three quarters of what it asked for have come.
  await eventually(async () => (await info(name)).num_ack_pending > 80, "a full buffer");

  const stopped = first[Symbol.asyncDispose]();
  await using _ = await start({
    durable: name,
    concurrency: 50,
    handle: async ({ total_leads: number }) => void handled.push(number),
  });
  await eventually(() => handled.length >= 150, "the rest at the other consumer");
  assert.equal(handled.length, 150);
  gate.resolve();
  await stopped;
  await first.done;
  await eventuallyDone(name);
  assert.deepEqual(
    handled.toSorted((a, b) => a - b),
    events.map(({ total_leads: number }) => number),
  );
});

test("survives a restart of the server", async () => {
  const name = await durable();
  const seen: number[] = [];
  await using consumer = await start({
    durable: name,
    handle: async ({ total_leads: number }) => void seen.push(number),
  });
  await bus.publish(batchUploaded, upload(1));
  await eventuallyDone(name);
  await nats.restart();
  await eventually(
    () =>
      bus.publish(batchUploaded, upload(2)).then(
        () => true,
        () => false,
      ),
    "a publish",
  );
  await eventually(() => seen.includes(2), "the message after the restart");
  const ended = await Promise.race([consumer.done.then(() => true), Promise.resolve(false)]);
  assert.equal(ended, false);
});

test("a durable that is deleted ends the consumer with an error", async () => {
  const name = await durable();
  await using consumer = await start({ durable: name, handle: async () => {} });
  await manager.consumers.delete("BATCH", name);
  await assert.rejects(consumer.done, /consumer (deleted|not found)/i);
});

test("a durable that does not exist is refused at start", async () => {
  await assert.rejects(start({ durable: "nobody", handle: async () => {} }), /consumer not found/);
});

test("counts what it answered, by how", async () => {
  const { body } = await metrics.render();
  for (const outcome of ["handled", "postponed", "redelivered", "terminated"]) {
    assert.match(body, new RegExp(`outcome="${outcome}"\\} [1-9]`));
  }
});
