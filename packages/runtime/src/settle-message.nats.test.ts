import assert from "node:assert/strict";
import { test } from "node:test";

import { jetstream } from "@nats-io/jetstream";
import { type BatchUploaded, batchUploaded } from "@valify/contracts";

import {
  bus,
  deadLetter,
  durable,
  eventuallyDone,
  info,
  lines,
  manager,
  metrics,
  start,
  upload,
} from "./consumer-fixture.ts";
import { PermanentError } from "./errors.ts";
import { eventually } from "./testing.ts";
import { applyTopology, DELIVERIES_MAX } from "./topology.ts";
import { traceIdOf } from "./trace-context.ts";

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
  const redelivered: boolean[] = [];
  const handle = async (_event: BatchUploaded, isRedelivered: boolean) => {
    redelivered.push(isRedelivered);
    if (redelivered.length < 3) throw new Error("connection reset");
  };
  await using _ = await start({ durable: name, handle });
  await bus.publish(batchUploaded, upload());
  await eventuallyDone(name);
  assert.deepEqual(redelivered, [false, true, true]);
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
  const line = lines.find((text) => text.includes('"message.terminated"') && text.includes(name));
  assert.equal(JSON.parse(line ?? "{}").trace_id, traceIdOf(event.batch_id));
});

test("what is no event at all becomes a dead letter, and none of it reaches the log", async () => {
  const name = await durable();
  await using _ = await start({
    durable: name,
    handle: async () => assert.fail("handled"),
    onDeadLetter: async () => assert.fail("told of an event that there is not"),
  });
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
  await using _ = await start({
    durable: name,
    handle: () => Promise.reject(new Error("still broken")),
  });
  await eventuallyDone(name);
  const dead = await deadLetter(name, seq);
  assert.equal(dead?.header.get("valify-reason"), "DELIVERIES_EXHAUSTED");
  assert.equal(dead?.header.get("valify-deliveries"), String(DELIVERIES_MAX - 1));
});

test("a message is not ended before its dead letter is stored", async () => {
  const name = await durable();
  await manager.streams.delete("DLQ");
  lines.length = 0;
  await using _ = await start({
    durable: name,
    handle: () => Promise.reject(new PermanentError("bad", { code: "BAD" })),
  });
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

test("counts what it answered, by how", async () => {
  const { body } = await metrics.render();
  for (const outcome of ["handled", "postponed", "redelivered", "terminated"]) {
    assert.match(body, new RegExp(`outcome="${outcome}"\\} [1-9]`));
  }
});
