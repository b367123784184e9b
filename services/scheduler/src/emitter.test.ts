import assert from "node:assert/strict";
import { test } from "node:test";

import type { DueRow } from "./due-queries.ts";
import { createEmitter, type PublishAck } from "./emitter.ts";
import { eachBy } from "./test-fixture.ts";

const id = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, "0")}`;

/** The database's clock as this process's monotonic one, from `startUs` on. */
function createWorld(publish: (id: string) => Promise<PublishAck>) {
  const clock = {
    nowUs: (monotonicMs: number) => monotonicMs * 1_000,
    learn: () => {},
    errorUs: () => 0,
  };
  const sent: { readonly id: string; readonly atUs: number }[] = [];
  const lateness: number[] = [];
  let duplicates = 0;
  const emitter = createEmitter({
    clock,
    publishEach: eachBy(async (event) => {
      sent.push({ id: event.id, atUs: clock.nowUs(performance.now()) });
      return publish(event.id);
    }),
    observeLateness: (seconds) => lateness.push(seconds),
    observeDuplicate: () => (duplicates += 1),
  });
  return { emitter, sent, lateness, duplicates: () => duplicates };
}

function row(n: number, dueUs: number, cancelled = false): DueRow {
  const ids = { id: id(n), tenantId: id(1), batchId: id(2) };
  return { ...ids, round: 0, lane: 0, kind: 0, dueUs, cancelled };
}

const inUs = (ms: number) => (performance.now() + ms) * 1_000;

test("rows of several claims go out in order of time, none early, and each claim ends by itself", async () => {
  let seq = 0;
  const { emitter, sent, lateness } = createWorld(async () => ({ seq: ++seq, duplicate: false }));
  const dueUs = new Map<string, number>();
  const claim = (from: number) =>
    Array.from({ length: 50 }, (_, i) => row(from + i, inUs(5 + i))).map((each) => {
      dueUs.set(each.id, each.dueUs);
      return each;
    });
  const emissions = await Promise.all([
    emitter.emit(claim(100).toReversed()),
    emitter.emit(claim(200)),
  ]);
  assert.equal(sent.length, 100);
  assert.ok(sent.every(({ id: sentId, atUs }) => atUs >= (dueUs.get(sentId) ?? Infinity)));
  assert.ok(lateness.every((seconds) => seconds >= 0));
  assert.deepEqual(
    emissions.map(({ unsent }) => unsent),
    [[], []],
  );
  assert.equal(Math.max(...emissions.map(({ mark }) => mark?.streamSeq ?? 0)), 100);
});

test("rows of a cancelled batch are not published, and a claim of nothing else ends at once", async () => {
  const { emitter, sent } = createWorld(async () => ({ seq: 1, duplicate: false }));
  const emission = await emitter.emit([row(1, inUs(60_000), true)]);
  assert.deepEqual(emission, { mark: undefined, unsent: [], error: undefined });
  assert.equal(sent.length, 0);
});

test("after a failure no more goes out: what failed and what was to come is unsent", async () => {
  const { emitter, sent } = createWorld(async (sentId) => {
    if (sentId === id(2)) throw new Error("refused");
    return { seq: 7, duplicate: true };
  });
  const rows = [row(1, inUs(0)), row(2, inUs(1)), row(3, inUs(60_000))];
  const { unsent, mark, error } = await emitter.emit(rows);
  assert.deepEqual(
    unsent.map((each) => each.id),
    [id(2), id(3)],
  );
  assert.equal(sent.length, 2);
  assert.deepEqual(mark, { streamSeq: 7, messageId: `${id(1)}:0:webhook.due` });
  assert.match(String(error), /refused/);
});

test("a message that the stream held already counts as sent, and is counted", async () => {
  const { emitter, duplicates } = createWorld(async () => ({ seq: 3, duplicate: true }));
  const { unsent } = await emitter.emit([row(1, inUs(0)), row(2, inUs(0))]);
  assert.deepEqual(unsent, []);
  assert.equal(duplicates(), 2);
});

test("told to stop, it gives back what is not yet due", async () => {
  const { emitter, sent } = createWorld(async () => ({ seq: 1, duplicate: false }));
  const work = emitter.emit([row(1, inUs(60_000))]);
  emitter.stop();
  const { unsent } = await work;
  assert.equal(unsent.length, 1);
  assert.equal(sent.length, 0);
});
