import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { afterEach, beforeEach, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";

import { type BatchUploaded, uuidOfBatchId } from "@valify/contracts";
import { createDatabase, type Database } from "@valify/database";
import { createTestDatabase } from "@valify/database/testing";
import { createLogger, createMetrics, type Later } from "@valify/runtime";
import { type Kysely, sql } from "kysely";

import { type BatchQueueDeps, startBatchQueue } from "./batch-queue.ts";
import { enqueueBatch } from "./queue-queries.ts";
import { newBatchEvent, requireEnv } from "./testing/fixtures.ts";

// Goal: no tenant waits for another's pile of files.
// Method: the real queue in Postgres; what validates is ours, so that the order of turns shows.

let stack: AsyncDisposableStack;
let db: Kysely<Database>;
beforeEach(async () => {
  stack = new AsyncDisposableStack();
  const database = stack.use(await createTestDatabase(requireEnv("TEST_DATABASE_URL")));
  db = stack.use(
    createDatabase({ url: database.url, role: "valify_validator", applicationName: "test" }),
  );
});
afterEach(() => stack.disposeAsync());

const LARGE = { total_leads: 10_000 };
const [A, B, C] = [randomUUID(), randomUUID(), randomUUID()];

async function enqueue(count: number, overrides: Partial<BatchUploaded>) {
  const events = Array.from({ length: count }, () => newBatchEvent(overrides));
  for (const event of events) await enqueueBatch(db, event);
  return events;
}

async function eventually(condition: () => boolean | Promise<boolean>, what: string) {
  const deadlineMs = performance.now() + 20_000;
  while (performance.now() < deadlineMs) {
    if (await condition()) return;
    await pause(5);
  }
  assert.fail(`not in time: ${what}`);
}

/** A queue whose batches end when the test says so; `turns` holds the tenants in order. */
function startQueue(slots: number, overrides: Partial<BatchQueueDeps> = {}) {
  const turns: BatchUploaded[] = [];
  const running = new Map<string, () => void>();
  let isOver = false;
  async function validate(event: BatchUploaded): Promise<Later | undefined> {
    turns.push(event);
    const { batch_id: batchId, tenant_id: tenantId } = event;
    await sql`insert into validation.runs (batch_id, tenant_id, total_leads, lease_until)
      values (${uuidOfBatchId(batchId)}, ${tenantId}, 1, now() + interval '1 minute')`.execute(db);
    await new Promise<void>((resolve) => {
      if (isOver) resolve();
      else running.set(batchId, resolve);
    });
    running.delete(batchId);
    await sql`update validation.runs set status = 'completed', lease_until = null
      where batch_id = ${uuidOfBatchId(batchId)}`.execute(db);
    return undefined;
  }
  const deps = {
    db,
    log: createLogger("validator", "silent"),
    metrics: createMetrics("validator", "test"),
    validate,
    abandon: async () => assert.fail("nothing is abandoned"),
    isReady: async () => true,
    ...overrides,
  };
  const queue = startBatchQueue(deps, slots);
  stack.use(queue);
  /** Ends the oldest batch at work. */
  const endOne = async () => {
    await eventually(() => running.size > 0, "a batch is at work");
    const [end] = running.values();
    end?.();
  };
  stack.defer(() => {
    isOver = true;
    for (const end of running.values()) end();
  });
  return { queue, turns, running, endOne };
}

const waiting = async () => {
  const { rows } = await sql<{ count: number }>`
    select count(*)::int as count from validation.queue`.execute(db);
  return rows[0]?.count;
};
const nameOf = ({ tenant_id: tenantId }: BatchUploaded) =>
  tenantId === A ? "A" : tenantId === B ? "B" : "C";

test("tenants take turns, however many files one has put in first", async () => {
  await enqueue(6, { tenant_id: A, ...LARGE });
  await enqueue(2, { tenant_id: B, ...LARGE });
  await enqueue(1, { tenant_id: C, ...LARGE });
  const { turns, endOne } = startQueue(1);
  for (let ended = 0; ended < 9; ended += 1) await endOne();
  await eventually(async () => (await waiting()) === 0, "the queue is empty");
  assert.equal(turns.map(nameOf).join(""), "ABCABAAAA");
});

test("a small file does not wait for a slot that a large one holds", async () => {
  await enqueue(5, { tenant_id: A, ...LARGE });
  const { turns, running, queue } = startQueue(2);
  await eventually(() => running.size === 2, "both slots are taken");
  const [small] = await enqueue(1, { tenant_id: B, total_leads: 100 });
  queue.wake();
  await eventually(() => running.size === 3, "the small one has begun");
  assert.equal(turns[2]?.batch_id, small?.batch_id);
  const [large] = await enqueue(1, { tenant_id: C, ...LARGE });
  const [next] = await enqueue(1, { tenant_id: B, total_leads: 100 });
  running.get(small?.batch_id ?? "")?.();
  await eventually(() => turns.length === 4, "the next turn");
  assert.deepEqual(
    [turns[3]?.batch_id, large?.batch_id === next?.batch_id],
    [next?.batch_id, false],
  );
});

test("high priority goes before all that waits", async () => {
  const [, second] = await enqueue(3, { tenant_id: A, ...LARGE });
  const [high] = await enqueue(1, { tenant_id: A, priority: "high", ...LARGE });
  const { turns, endOne } = startQueue(1);
  await endOne();
  await endOne();
  await eventually(() => turns.length >= 2, "two turns");
  assert.equal(turns[0]?.batch_id, high?.batch_id);
  assert.notEqual(turns[1]?.batch_id, second?.batch_id);
});

test("a batch that fails lets others go first and comes again, until it is given up", async () => {
  const [bad] = await enqueue(1, { tenant_id: A, ...LARGE });
  const [good] = await enqueue(1, { tenant_id: B, ...LARGE });
  const seen: string[] = [];
  const abandoned: string[] = [];
  startQueue(1, {
    validate: async (event) => {
      seen.push(event.batch_id);
      if (event.batch_id === bad?.batch_id) throw new Error("its file crashes us");
      return undefined;
    },
    abandon: async ({ batch_id: batchId }) => void abandoned.push(batchId),
  });
  await eventually(() => seen.length >= 3, "the bad one was tried twice");
  assert.deepEqual(seen.slice(0, 2), [bad?.batch_id, good?.batch_id]);
  await sql`update validation.queue set attempts = 100, not_before = '-infinity'`.execute(db);
  await eventually(async () => (await waiting()) === 0, "it is given up");
  assert.deepEqual(abandoned, [bad?.batch_id]);
});

test("while a dependency is away a batch waits at no cost", async () => {
  await enqueue(1, { tenant_id: A, ...LARGE });
  let isAway = true;
  let tries = 0;
  startQueue(1, {
    isReady: async () => !isAway,
    validate: async () => {
      tries += 1;
      if (!isAway) return undefined;
      throw new Error("the broker is away");
    },
  });
  await eventually(() => tries === 1, "it was tried");
  isAway = false;
  await eventually(async () => (await waiting()) === 0, "it ended");
  assert.equal(tries, 2, "and was tried again without another pick");
});

test("what a killed process left is taken up when its lease has run out", async () => {
  const [left] = await enqueue(1, { tenant_id: A, ...LARGE });
  const batchUuid = uuidOfBatchId(left?.batch_id ?? "");
  await sql`insert into validation.runs (batch_id, tenant_id, total_leads, lease_token, lease_until)
    values (${batchUuid}, ${A}, 1, gen_random_uuid(), now() + interval '1 hour')`.execute(db);
  const seen: string[] = [];
  const [other] = await enqueue(1, { tenant_id: B, ...LARGE });
  startQueue(1, {
    async validate(event) {
      seen.push(event.batch_id);
      return undefined;
    },
  });
  await eventually(() => seen.length > 0, "the other one had its turn");
  assert.deepEqual(seen, [other?.batch_id], "its holder may be alive");
  await sql`update validation.runs set lease_until = now() - interval '1 second'`.execute(db);
  await eventually(() => seen.includes(left?.batch_id ?? ""), "it is taken up");
});
