import assert from "node:assert/strict";
import { test } from "node:test";

import { type WebhookDue, webhookDue } from "@valify/contracts";
import { sql } from "kysely";

import { createBrokerGuard } from "./broker-guard.ts";
import { claimDueRows, commitClaim } from "./claim-queries.ts";
import { DUE_HOURS, leafOf } from "./domain/leaf.ts";
import { createFixture, log, type SchedulerFixture } from "./test-fixture.ts";
import { tombstoneBatch } from "./tombstones.ts";

const HOUR_MS = 3_600_000;

/** A stream that forgets its tail when told, and then has another identity, as after a restart. */
function createStream() {
  let messages: string[] = [];
  let lives = 1;
  return {
    ids: () => messages,
    brokerId: () => `life ${lives}`,
    messageIdAt: async (seq: number) => messages[seq - 1],
    publish: async (event: WebhookDue) => {
      const id = webhookDue.eventId(event);
      const found = messages.indexOf(id);
      if (found >= 0) return { seq: found + 1, duplicate: true };
      messages.push(id);
      return { seq: messages.length, duplicate: false };
    },
    append: (id: string) => messages.push(id),
    restart(kept = messages.length) {
      messages = messages.slice(0, kept);
      lives += 1;
    },
  };
}

async function createWorld(fixture: SchedulerFixture) {
  const stream = createStream();
  const guard = createBrokerGuard({ pool: fixture.pool, log, ...stream });
  /** Stores, claims, publishes and commits one claim of so many rows, due an hour ago. */
  async function emit(count: number, batchId = "018f3b1e-0000-7000-8000-000000000001") {
    const dueMs = Date.now() - HOUR_MS;
    await fixture.leaves.ensure([dueMs]);
    const leaf = leafOf(DUE_HOURS, dueMs);
    await sql`insert into scheduling.due (due_at, id, tenant_id, batch_id, round, lane, kind)
      select ${new Date(dueMs)}, gen_random_uuid(), gen_random_uuid(), ${batchId}, 0, 1, 0
      from generate_series(1, ${count}::int)`.execute(fixture.db);
    const client = await fixture.pool.connect();
    await client.query("begin");
    const claim = { leaf, from: leaf.from, lookAheadMs: 0, firstLane: 0, withoutTenants: [] };
    const { rows } = await claimDueRows(client, { ...claim, limit: 1_000, limitPerLane: 1_000 });
    const ids = rows.map(({ id }) => `${id}:0:webhook.due`);
    for (const id of ids) stream.append(id);
    const mark = { streamSeq: stream.ids().length, messageId: ids.at(-1) ?? "" };
    await commitClaim(client, mark);
    client.release();
    return ids;
  }
  return { stream, guard, emit };
}

test("a broker that restarts and holds our last mark is left alone", async () => {
  await using fixture = await createFixture();
  const { stream, guard, emit } = await createWorld(fixture);
  await guard.settle();
  const ids = await emit(5);
  stream.restart();
  await guard.settle();
  assert.deepEqual(stream.ids(), ids);
});

test("a broker that lost its tail gets it again, and nothing twice", async () => {
  await using fixture = await createFixture();
  const { stream, guard, emit } = await createWorld(fixture);
  const ids = [...(await emit(5)), ...(await emit(1_500)), ...(await emit(7))];
  await guard.settle();
  stream.restart(3);
  // Others publish to the stream as well, and take the places of what was lost.
  for (let n = 0; n < 2_000; n += 1) stream.append(`another ${n}`);
  await guard.settle();
  const ours = stream.ids().filter((id) => !id.startsWith("another"));
  assert.deepEqual(ours.toSorted(), ids.toSorted());
  // The next look finds the new mark: nothing is repeated once more.
  const { length } = stream.ids();
  stream.restart();
  await guard.settle();
  assert.equal(stream.ids().length, length);
});

test("the wake-ups of a cancelled batch are not repeated", async () => {
  await using fixture = await createFixture();
  const { stream, guard, emit } = await createWorld(fixture);
  const cancelled = "018f3b1e-0000-7000-8000-00000000cafe";
  const kept = await emit(2);
  await emit(2, cancelled);
  await guard.settle();
  await tombstoneBatch(fixture, cancelled);
  stream.restart(0);
  await guard.settle();
  assert.deepEqual(stream.ids().toSorted(), kept.toSorted());
});

test("replicas that notice at once repeat it once: the second finds it mended", async () => {
  await using fixture = await createFixture();
  const { stream, guard, emit } = await createWorld(fixture);
  const ids = await emit(50);
  let published = 0;
  const publish = async (event: WebhookDue) => {
    published += 1;
    return stream.publish(event);
  };
  await guard.settle();
  stream.restart(0);
  const replicas = [1, 2, 3].map(() =>
    createBrokerGuard({ pool: fixture.pool, log, ...stream, publish }),
  );
  await Promise.all(replicas.map((replica) => replica.settle()));
  assert.equal(published, ids.length);
});
