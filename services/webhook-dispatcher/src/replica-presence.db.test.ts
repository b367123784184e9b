import assert from "node:assert/strict";
import { after, beforeEach, test } from "node:test";

import { createMetrics } from "@valify/runtime";
import { eventually } from "@valify/runtime/testing";
import { sql } from "kysely";

import { housekeepingJobs } from "./housekeeping.ts";
import { createReplica, joinReplicas } from "./replica-presence.ts";
import { createFixture, log } from "./test-fixture.ts";

// Goal: the dispatchers agree on how many they are, and none takes the place of one who is there.
// Method: beats one by one; time passes by moving what the database's clock has written.

const FIRST = "00000000-0000-4000-8000-000000000001";
const SECOND = "00000000-0000-4000-8000-000000000002";

const fixture = await createFixture();
after(() => fixture[Symbol.asyncDispose]());
const { claimDb } = fixture.databases;
beforeEach(() => sql`delete from delivery.replicas`.execute(fixture.owner));

/** As if these seconds had passed since the last beat of all, or of one. */
async function pass(seconds: number, replicaId: string | null = null): Promise<void> {
  await sql`
    update delivery.replicas set seen_at = seen_at - ${seconds} * interval '1 second'
    where replica_id = coalesce(${replicaId}::uuid, replica_id)`.execute(fixture.owner);
}

async function rows(): Promise<number> {
  const { rows: counts } = await sql<{ count: number }>`
    select count(*)::int as count from delivery.replicas`.execute(fixture.owner);
  return counts[0]?.count ?? Number.NaN;
}

/** Two that know of each other. */
async function two() {
  const first = createReplica(claimDb, FIRST);
  const second = createReplica(claimDb, SECOND);
  await first.join();
  await second.join();
  await first.beat();
  await second.beat();
  return { first, second };
}

const ranks = (...replicas: readonly ReturnType<typeof createReplica>[]) =>
  replicas.map((replica) => {
    const seen = replica.seen();
    return seen && [seen.live, seen.rank];
  });

test("who is alone takes all at once; who comes later waits until the others can have seen it", async () => {
  const first = createReplica(claimDb, FIRST);
  const second = createReplica(claimDb, SECOND);
  await first.join();
  await second.join();
  assert.deepEqual(ranks(first, second), [[1, 0], null]);
  await first.beat();
  await second.beat();
  assert.deepEqual(ranks(first, second), [
    [2, 0],
    [2, 1],
  ]);
});

// Both have begun before either is to be seen: an unfinished row of the same id holds their first words
// back, and is taken away.
test("of two who come at the same moment not both believe that they are alone", async () => {
  const pair = [createReplica(claimDb, FIRST), createReplica(claimDb, SECOND)];
  const hold = await fixture.owner.startTransaction().execute();
  await sql`
    insert into delivery.replicas values (${FIRST}, now()), (${SECOND}, now())`.execute(hold);
  const joined = Promise.all(pair.map((replica) => replica.join()));
  await eventually(async () => (await waitingForLocks()) === 2, "both wait");
  await hold.rollback().execute();
  await joined;
  assert.ok(ranks(...pair).includes(null));
});

async function waitingForLocks(): Promise<number> {
  const { rows: counts } = await sql<{ count: number }>`
    select count(*)::int as count from pg_stat_activity
    where datname = current_database() and wait_event_type = 'Lock'`.execute(fixture.owner);
  return counts[0]?.count ?? 0;
}

test("who stops is not counted at the next beat, who is killed after three missed ones", async () => {
  const { first, second } = await two();
  await second.leave();
  await first.beat();
  assert.deepEqual(ranks(first), [[1, 0]]);

  const killed = createReplica(claimDb, SECOND);
  await killed.join();
  await pass(8, SECOND);
  await first.beat();
  assert.deepEqual(ranks(first), [[2, 0]], "it may only be slow");
  await pass(2, SECOND);
  await first.beat();
  assert.deepEqual(ranks(first), [[1, 0]]);
});

test("after an outage of the database the first to be back does not take what is the others'", async () => {
  const { first, second } = await two();
  await pass(60);
  await first.beat();
  assert.deepEqual(ranks(first), [[2, 0]], "it sees nobody, and knows better");
  await second.beat();
  await first.beat();
  assert.deepEqual(ranks(first), [[2, 0]]);
  await pass(60, SECOND);
  await first.beat();
  assert.deepEqual(ranks(first), [[1, 0]], "now it is alone");
});

test("rows of the dead, and of a clock that was set back, go with the housekeeping", async () => {
  const { first } = await two();
  await pass(10, SECOND);
  await createReplica(claimDb, "00000000-0000-4000-8000-000000000003").join();
  await pass(-3_600, "00000000-0000-4000-8000-000000000003");
  await first.beat();
  assert.deepEqual(ranks(first), [[1, 0]]);
  const deps = { db: fixture.db, attemptRetentionMs: 1 };
  const job = housekeepingJobs(deps).find(({ name }) => name === "absent_replicas");
  const did = await job?.run({ now: new Date(), signal: new AbortController().signal });
  assert.deepEqual([did, await rows()], [{ removed: 2 }, 1]);
});

test("a dispatcher shows how many there are, and leaves no row when it stops", async () => {
  const metrics = createMetrics("test", "0");
  const presence = await joinReplicas({ db: claimDb, metrics, log });
  assert.equal(presence.shareOf(7), 7);
  assert.match((await metrics.render()).body, /^valify_webhook_dispatchers 1$/m);
  assert.equal(await rows(), 1);
  await presence[Symbol.asyncDispose]();
  assert.equal(await rows(), 0);
});
