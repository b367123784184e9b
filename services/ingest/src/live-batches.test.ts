import assert from "node:assert/strict";
import { test } from "node:test";

import { batchIdOfUuid } from "@valify/contracts";
import type { BatchView } from "@valify/contracts/api";

import { createLiveBatches } from "./live-batches.ts";
import { silentLog } from "./test-support.ts";

const LONG_MS = 60_000;

function viewOf(processed: number, changes: Partial<BatchView> = {}): BatchView {
  return {
    batch_id: batchIdOfUuid("01a1f4f2-6e7b-7fff-bfff-ffffffffffff"),
    filename: "leads.csv",
    status: "processing",
    total_leads: 10,
    processed_leads: processed,
    valid_leads: processed,
    invalid_leads: 0,
    skipped_rows: 0,
    error: null,
    created_at: "2026-11-22T10:00:00.000Z",
    completed_at: null,
    ...changes,
  };
}

function createLive(states: readonly (BatchView | Error)[], watchesMax = 10) {
  const calls: (readonly string[])[] = [];
  const live = createLiveBatches({
    findBatches: async (batchUuids) => {
      calls.push(batchUuids);
      const state = states[Math.min(calls.length, states.length) - 1];
      if (state instanceof Error) throw state;
      return state === undefined ? [] : [state];
    },
    log: silentLog(),
    watchesMax,
    pollMs: 1,
  });
  return { live, calls };
}

test("tells the first state, then each change, then goodbye when the batch has ended", async () => {
  const done = viewOf(10, { status: "completed" });
  const { live } = createLive([viewOf(3), viewOf(3), viewOf(3), done]);
  const watch = live.watch(viewOf(3));
  assert.deepEqual(await watch?.next(LONG_MS), { kind: "status", batch: viewOf(3) });
  assert.deepEqual(await watch?.next(LONG_MS), { kind: "status", batch: done });
  assert.deepEqual(await watch?.next(LONG_MS), { kind: "bye", reason: "finished" });
  watch?.close();
});

test("asks once for a batch that several watch, and rests when all have left", async () => {
  const { live, calls } = createLive([viewOf(4)]);
  const watches = [live.watch(viewOf(3)), live.watch(viewOf(3))];
  for (const watch of watches) await watch?.next(LONG_MS);
  for (const watch of watches) {
    assert.deepEqual(await watch?.next(LONG_MS), { kind: "status", batch: viewOf(4) });
  }
  assert.equal(calls[0]?.length, 1);
  for (const watch of watches) watch?.close();
  assert.equal(live.count, 0);
  // Had the poller gone on, this file would not end: its timer holds the process.
});

test("a client that is slow gets the newest state only", async () => {
  const { live } = createLive([viewOf(4)]);
  const watch = live.watch(viewOf(3));
  watch?.show(viewOf(5));
  watch?.show(viewOf(6));
  assert.deepEqual(await watch?.next(LONG_MS), { kind: "status", batch: viewOf(6) });
  watch?.close();
});

test("is quiet when nothing happens, and closed when the client has left", async () => {
  const { live } = createLive([viewOf(3)]);
  const watch = live.watch(viewOf(3));
  await watch?.next(LONG_MS);
  assert.deepEqual(await watch?.next(1), { kind: "quiet" });
  const next = watch?.next(LONG_MS);
  watch?.close();
  assert.deepEqual(await next, { kind: "closed" });
});

test("goes on after the database was away", async () => {
  const { live } = createLive([new Error("away"), viewOf(7)]);
  const watch = live.watch(viewOf(3));
  await watch?.next(LONG_MS);
  assert.deepEqual(await watch?.next(LONG_MS), { kind: "status", batch: viewOf(7) });
  watch?.close();
});

test("refuses a watch too many, and every new one while it drains", async () => {
  const { live } = createLive([viewOf(3)], 1);
  const watch = live.watch(viewOf(3));
  assert.equal(live.watch(viewOf(3)), null);
  await watch?.next(LONG_MS);
  live.drain();
  assert.deepEqual(await watch?.next(LONG_MS), { kind: "bye", reason: "draining" });
  watch?.close();
  assert.equal(live.watch(viewOf(3)), null);
});
