import assert from "node:assert/strict";
import { test } from "node:test";

import { type BatchUploaded, batchUploaded } from "@valify/contracts";

import {
  bus,
  countWorking,
  durable,
  eventuallyDone,
  info,
  manager,
  nats,
  start,
  upload,
} from "./consumer-fixture.ts";
import { eventually } from "./testing.ts";

test("while a dependency is away a message is held alive, and its deliveries are not spent", async () => {
  // Shorter than the two signals that the hold sends: without them it would be delivered again.
  const name = await durable(6_000);
  let ready = false;
  const redelivered: boolean[] = [];
  const handle = async (_event: BatchUploaded, isRedelivered: boolean) => {
    redelivered.push(isRedelivered);
    if (!ready) throw new Error("connection refused");
  };
  using working = countWorking(name);
  await using _ = await start({ durable: name, handle }, { isReady: async () => ready });
  await bus.publish(batchUploaded, upload());
  await eventually(() => working.count >= 2, "two signals");
  assert.deepEqual(redelivered, [false]);
  ready = true;
  await eventuallyDone(name);
  // The server has handed it out once, but its work had begun.
  assert.deepEqual(redelivered, [false, true]);
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

test("a bound that grows lets in more with the next message that is done", async () => {
  const name = await durable();
  const gates: (() => void)[] = [];
  let bound = 2;
  const handle = () => new Promise<void>((resolve) => gates.push(resolve));
  const consumer = await start({ durable: name, handle, concurrency: () => bound });
  await bus.publishAll(
    batchUploaded,
    Array.from({ length: 10 }, () => upload()),
  );
  await eventually(() => gates.length === 2, "as many as allowed");
  bound = 6;
  gates[0]?.();
  await eventually(() => gates.length === 7, "one done, six at work");
  assert.equal((await info(name)).num_ack_pending, 6);
  const disposed = consumer[Symbol.asyncDispose]();
  for (const open of gates) open();
  await disposed;
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

// Goal: what there is no room for stays with the server, where it burns no ack wait, however long the
// handlers take; and a stop cuts none of them off.
// Method: 50 at work for longer than a request waits unanswered, 200 messages; another takes over.
test("pulls no more than there is room for, and a stop lets running handlers end", async () => {
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
  using finish = { [Symbol.dispose]: () => gate.resolve() };
  const events = Array.from({ length: 200 }).map((row, index) => upload(index + 1));
  await bus.publishAll(batchUploaded, events);
  await eventually(async () => (await info(name)).num_ack_pending === 50, "fifty at work");
  const { num_pending: waiting, num_waiting: requests } = await info(name);
  assert.deepEqual([waiting, requests], [150, 0]);

  const stopped = first[Symbol.asyncDispose]();
  await using second = await start({
    durable: name,
    concurrency: 50,
    handle: async ({ total_leads: number }) => void handled.push(number),
  });
  await eventually(() => handled.length >= 150, "the rest at the other consumer");
  assert.equal(handled.length, 150);
  finish[Symbol.dispose]();
  await stopped;
  await first.done;
  assert.notEqual(second, first);
  await eventuallyDone(name);
  assert.deepEqual(
    handled.toSorted((a, b) => a - b),
    events.map(({ total_leads: number }) => number),
  );
});

// Goal: what the server had already sent, and we had not yet read, is given back too.
// Method: a large pull is stopped by its first message, while the rest is still on its way.
test("a stop gives back what is on the wire", async () => {
  const name = await durable(600_000);
  const events = Array.from({ length: 3_000 }).map((row, index) => upload(index + 1));
  await bus.publishAll(batchUploaded, events);
  const seen = new Set<number>();
  const stop = Promise.withResolvers<void>();
  const first = await start({
    durable: name,
    concurrency: events.length,
    handle: async ({ total_leads: number }) => {
      seen.add(number);
      stop.resolve();
    },
  });
  await stop.promise;
  await first[Symbol.asyncDispose]();
  assert.ok(seen.size < events.length, "some were left");
  await using second = await start({
    durable: name,
    concurrency: 500,
    handle: async ({ total_leads: number }) => void seen.add(number),
  });
  await eventually(() => seen.size === events.length, "the rest at the other consumer");
  assert.notEqual(second, first);
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
