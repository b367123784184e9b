import assert from "node:assert/strict";
import { test } from "node:test";

import { createUploadSlots } from "./upload-slots.ts";

const never = new AbortController().signal;

test("gives out so many slots, then makes the next wait for a free one", async () => {
  const slots = createUploadSlots({ slotsMax: 1, waitingMax: 2 });
  const first = await slots.take("a", never);
  const order: string[] = [];
  const second = slots.take("a", never).then((release) => (order.push("second"), release));
  const third = slots.take("a", never).then((release) => (order.push("third"), release));
  assert.deepEqual(order, []);
  first?.();
  (await second)?.();
  (await third)?.();
  assert.deepEqual(order, ["second", "third"]);
});

test("refuses where too many wait already", async () => {
  const slots = createUploadSlots({ slotsMax: 1, waitingMax: 1 });
  const first = await slots.take("a", never);
  const waiting = slots.take("a", never);
  assert.equal(await slots.take("a", never), null);
  first?.();
  assert.notEqual(await waiting, null);
});

test("whoever gives up waiting leaves the queue and takes no slot", async () => {
  const slots = createUploadSlots({ slotsMax: 1, waitingMax: 1 });
  const first = await slots.take("a", never);
  const leaving = new AbortController();
  const waiting = slots.take("a", leaving.signal);
  leaving.abort();
  assert.equal(await waiting, null);
  const next = slots.take("a", never);
  first?.();
  assert.notEqual(await next, null);
});

test("a client that is gone already gets no slot", async () => {
  const slots = createUploadSlots({ slotsMax: 1, waitingMax: 1 });
  assert.equal(await slots.take("a", AbortSignal.abort()), null);
});

test("giving a slot back twice frees it once", async () => {
  const slots = createUploadSlots({ slotsMax: 1, waitingMax: 0 });
  const first = await slots.take("a", never);
  first?.();
  first?.();
  assert.notEqual(await slots.take("a", never), null);
  assert.equal(await slots.take("a", never), null);
});

test("tenants take turns, and one with many waiting gives its last place to another", async () => {
  const slots = createUploadSlots({ slotsMax: 1, waitingMax: 3 });
  const first = await slots.take("a", never);
  const order: string[] = [];
  const wait = async (tenant: string, name: string) => {
    const release = await slots.take(tenant, never);
    order.push(release === null ? `${name} refused` : name);
    release?.();
  };
  const waits = [wait("a", "a1"), wait("a", "a2"), wait("a", "a3"), wait("b", "b1")];
  first?.();
  await Promise.all(waits);
  assert.deepEqual(order, ["a3 refused", "b1", "a1", "a2"]);
});
