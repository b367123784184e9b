import assert from "node:assert/strict";
import { test } from "node:test";

import type { WebhookDue } from "@valify/contracts";
import { eventually } from "@valify/runtime/testing";
import { sql } from "kysely";

import { startDueLoop } from "./due-loop.ts";
import {
  createFixture,
  eachBy,
  log,
  type SchedulerFixture,
  silentSignals,
  steadyBroker,
} from "./test-fixture.ts";

interface Emitted extends WebhookDue {
  readonly atMs: number;
}

/** A loop whose stream is an array. `refuse` is asked before each publish. */
async function startLoop(
  { pool, leaves }: SchedulerFixture,
  emitted: Emitted[],
  refuse: (event: WebhookDue) => boolean = () => false,
) {
  return startDueLoop({
    pool,
    leaves,
    log,
    guard: steadyBroker,
    signals: silentSignals,
    repair: async () => {},
    publishEach: eachBy(async (event) => {
      if (refuse(event)) throw new Error("refused");
      emitted.push({ ...event, atMs: Date.now() });
      return { seq: emitted.length, duplicate: false };
    }),
  });
}

const isEmpty = async (fixture: SchedulerFixture) => (await fixture.count("scheduling.due")) === 0;
const idsOf = (rows: readonly { readonly id: string }[]) => rows.map(({ id }) => id).toSorted();

test("every row goes out once and never before its instant", async () => {
  await using stack = new AsyncDisposableStack();
  const fixture = stack.use(await createFixture());
  const emitted: Emitted[] = [];
  const startMs = Date.now();
  const stored = await fixture.store(
    Array.from({ length: 3_000 }, (_, index) => startMs + 200 + (index % 2_000)),
  );
  stack.use(await startLoop(fixture, emitted));
  await eventually(() => isEmpty(fixture), "an empty table");
  assert.deepEqual(idsOf(emitted), idsOf(stored));
  const early = emitted.filter(({ atMs, due_at: dueAt }) => atMs < Date.parse(dueAt));
  assert.deepEqual(early, []);
});

test("a row that is stored late goes out at once, since its insert wakes the loop", async () => {
  await using fixture = await createFixture();
  const emitted: Emitted[] = [];
  await using loop = await startLoop(fixture, emitted);
  const overdueMs = Date.now() - 3_000;
  const [row] = await fixture.store([overdueMs]);
  loop.wake(overdueMs);
  await eventually(() => emitted.length === 1, "one event");
  assert.equal(emitted[0]?.id, row?.id);
});

test("what matured while no scheduler ran goes out at start", async () => {
  await using stack = new AsyncDisposableStack();
  const fixture = stack.use(await createFixture());
  const emitted: Emitted[] = [];
  const hoursAgo = Date.now() - 5 * 3_600_000;
  await fixture.leaves.ensure([hoursAgo]);
  await sql`insert into scheduling.due (due_at, id, tenant_id, batch_id, round, lane, kind)
    values (${new Date(hoursAgo)}, gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 0, 3, 0)
    `.execute(fixture.db);
  stack.use(await startLoop(fixture, emitted));
  await eventually(() => emitted.length === 1, "the old row");
});

test("while every publish fails the claim goes back whole, and it goes out later", async () => {
  await using stack = new AsyncDisposableStack();
  const fixture = stack.use(await createFixture());
  const emitted: Emitted[] = [];
  let refusals = 3;
  const stored = await fixture.store(Array.from({ length: 50 }, () => Date.now() + 100));
  const refuse = () => {
    refusals -= 1;
    return refusals >= 0;
  };
  stack.use(await startLoop(fixture, emitted, refuse));
  await eventually(() => isEmpty(fixture), "an empty table");
  // Some may have gone out twice, under the same id and round, which the stream drops.
  assert.deepEqual([...new Set(idsOf(emitted))], idsOf(stored));
});

test("replicas share the rows: each goes out once", async () => {
  await using fixture = await createFixture();
  const emitted: Emitted[][] = [[], [], []];
  const stored = await fixture.store(
    Array.from({ length: 4_000 }, (_, index) => Date.now() + 300 + (index % 700)),
  );
  await using stack = new AsyncDisposableStack();
  for (const ofReplica of emitted) stack.use(await startLoop(fixture, ofReplica));
  await eventually(() => isEmpty(fixture), "an empty table");
  assert.deepEqual(idsOf(emitted.flat()), idsOf(stored));
});

test("rows of a cancelled batch go without an event", async () => {
  await using stack = new AsyncDisposableStack();
  const fixture = stack.use(await createFixture());
  const emitted: Emitted[] = [];
  const batchId = "018f3b1e-0000-7000-8000-00000000cafe";
  await sql`insert into scheduling.cancelled_batch (batch_id) values (${batchId})`.execute(
    fixture.db,
  );
  await fixture.store([Date.now() + 50], { batchId });
  const [kept] = await fixture.store([Date.now() + 60]);
  stack.use(await startLoop(fixture, emitted));
  await eventually(() => isEmpty(fixture), "an empty table");
  assert.deepEqual(idsOf(emitted), [kept?.id]);
});

test("a loop that ends puts back what it holds", async () => {
  await using fixture = await createFixture();
  const emitted: Emitted[] = [];
  await fixture.store(Array.from({ length: 20 }, () => Date.now() + 900));
  const loop = await startLoop(fixture, emitted);
  await eventually(
    async () => (await openClaims(fixture)) > 0,
    "a claim that waits for its instant",
  );
  await loop[Symbol.asyncDispose]();
  assert.equal(emitted.length, 0);
  const { rows } = await sql`select 1 from scheduling.due`.execute(fixture.db);
  assert.equal(rows.length, 20);
});

test("one message that the stream refuses goes back alone, and holds up nobody", async () => {
  await using stack = new AsyncDisposableStack();
  const fixture = stack.use(await createFixture());
  const emitted: Emitted[] = [];
  const nowMs = Date.now();
  const stored = await fixture.store([nowMs, nowMs + 1, nowMs + 2, nowMs + 300]);
  const last = stored.at(-1);
  stack.use(await startLoop(fixture, emitted, ({ id }) => id === last?.id));
  await eventually(async () => (await fixture.count("scheduling.due")) === 1, "all but one sent");
  assert.equal(emitted.length, 3);
  const { rows } = await sql<{ id: string }>`select id from scheduling.due`.execute(fixture.db);
  assert.deepEqual(rows, [{ id: last?.id }]);
});

/** Sessions of this database inside a transaction, as the superuser of the test server sees them. */
async function openClaims({ db }: SchedulerFixture): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(*) from pg_locks l join pg_class c on c.oid = l.relation
    where c.relname like 'due\\_2%' and l.mode = 'RowExclusiveLock'`.execute(db);
  return rows[0]?.count ?? 0;
}
