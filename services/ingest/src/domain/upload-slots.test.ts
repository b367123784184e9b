import assert from "node:assert/strict";
import { test } from "node:test";

import { createUploadSlots } from "./upload-slots.ts";

const never = new AbortController().signal;

test("gives out so many slots, then makes the next wait for a free one", async () => {
  const slots = createUploadSlots({ slotsMax: 1, waitingMax: 2 });
  const first = await slots.take(never);
  const order: string[] = [];
  const second = slots.take(never).then((release) => (order.push("second"), release));
  const third = slots.take(never).then((release) => (order.push("third"), release));
  assert.deepEqual(order, []);
  first?.();
  (await second)?.();
  (await third)?.();
  assert.deepEqual(order, ["second", "third"]);
});

test("refuses where too many wait already", async () => {
  const slots = createUploadSlots({ slotsMax: 1, waitingMax: 1 });
  const first = await slots.take(never);
  const waiting = slots.take(never);
  assert.equal(await slots.take(never), null);
  first?.();
  assert.notEqual(await waiting, null);
});

test("whoever gives up waiting leaves the queue and takes no slot", async () => {
  const slots = createUploadSlots({ slotsMax: 1, waitingMax: 1 });
  const first = await slots.take(never);
  const leaving = new AbortController();
  const waiting = slots.take(leaving.signal);
  leaving.abort();
  assert.equal(await waiting, null);
  const next = slots.take(never);
  first?.();
  assert.notEqual(await next, null);
});

test("a client that is gone already gets no slot", async () => {
  const slots = createUploadSlots({ slotsMax: 1, waitingMax: 1 });
  assert.equal(await slots.take(AbortSignal.abort()), null);
});

test("giving a slot back twice frees it once", async () => {
  const slots = createUploadSlots({ slotsMax: 1, waitingMax: 0 });
  const first = await slots.take(never);
  first?.();
  first?.();
  assert.notEqual(await slots.take(never), null);
  assert.equal(await slots.take(never), null);
});
