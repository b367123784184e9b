import assert from "node:assert/strict";
import { after, test } from "node:test";

import { sql } from "kysely";

import { createDatabase } from "./create-database.ts";
import { addToOutbox, type OutboxEntry, relayOutbox } from "./outbox.ts";
import { createTestDatabase, requireEnv } from "./testing.ts";

const database = await createTestDatabase(requireEnv("TEST_DATABASE_URL"));
const db = createDatabase({
  url: database.url,
  role: "valify_ingest",
  applicationName: "valify-test",
  // Past the tenants' wall: the outbox has no tenant.
  settings: { "valify.system": "on" },
});
after(async () => {
  await db.destroy();
  await database[Symbol.asyncDispose]();
});

function numberOf({ event }: OutboxEntry): number {
  assert.ok("n" in event && typeof event.n === "number");
  return event.n;
}

async function fill(count: number): Promise<void> {
  await db.deleteFrom("ingest.outbox").execute();
  await db.transaction().execute(async (trx) => {
    for (let n = 1; n <= count; n += 1) await addToOutbox(trx, "batch.uploaded", { n });
  });
}

async function kept(): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(*) as count from ingest.outbox`.execute(db);
  return rows[0]?.count ?? 0;
}

async function tenants(): Promise<readonly unknown[]> {
  return db.selectFrom("ingest.tenants").select("name").execute();
}

test("an entry is committed with the fact it tells, or not at all", async () => {
  await fill(0);
  const tenant = { tenant_id: "6f1c2a34-0d5e-4b7a-9c81-2f3e4d5a6b7c", name: "Test" };
  const record = (fails: boolean) =>
    db.transaction().execute(async (trx) => {
      await trx.insertInto("ingest.tenants").values(tenant).execute();
      await addToOutbox(trx, "batch.uploaded", { n: 1 });
      if (fails) throw new Error("the request failed");
    });

  await assert.rejects(record(true), /the request failed/);
  assert.deepEqual([await kept(), (await tenants()).length], [0, 0]);
  await record(false);
  assert.deepEqual([await kept(), (await tenants()).length], [1, 1]);
});

test("an event comes out of the outbox as it went in", async () => {
  await fill(0);
  const event = { text: 'quote " and \\ and ü', big: 86_400_000, nested: [{ a: null }] };
  await db.transaction().execute((trx) => addToOutbox(trx, "batch.cancelled", event));
  const seen: OutboxEntry[] = [];
  await relayOutbox(db, 10, async (entries) => void seen.push(...entries));
  assert.deepEqual(
    seen.map(({ subject, event: sent }) => ({ subject, event: sent })),
    [{ subject: "batch.cancelled", event }],
  );
  assert.equal(typeof seen[0]?.outboxId, "number");
});

test("the oldest entries go first, and at most as many as asked for", async () => {
  await fill(30);
  const turns: number[][] = [];
  const turn = () =>
    relayOutbox(db, 20, async (entries) => {
      turns.push(entries.map(numberOf).toSorted((a, b) => a - b));
    });
  assert.deepEqual([await turn(), await turn(), await turn()], [20, 10, 0]);
  const numbers = Array.from({ length: 30 }, (_, index) => index + 1);
  assert.deepEqual(turns, [numbers.slice(0, 20), numbers.slice(20)]);
});

test("two relays at once publish every entry exactly once", async () => {
  await fill(200);
  const published: number[] = [];
  const atWork = { now: 0, most: 0 };
  const together = Promise.withResolvers<void>();
  const relay = () =>
    relayOutbox(db, 50, async (entries) => {
      atWork.now += 1;
      atWork.most = Math.max(atWork.most, atWork.now);
      // Holds its rows until the other has taken some too, so that they truly overlap.
      if (atWork.now === 2) together.resolve();
      await together.promise;
      published.push(...entries.map(numberOf));
      atWork.now -= 1;
    });
  while ((await kept()) > 0) await Promise.all([relay(), relay()]);
  assert.equal(atWork.most, 2);
  assert.deepEqual(
    published.toSorted((a, b) => a - b),
    Array.from({ length: 200 }, (_, index) => index + 1),
  );
});

test("a relay does not wait for entries that another one holds", async () => {
  await fill(5);
  const held = Promise.withResolvers<void>();
  const taken = Promise.withResolvers<void>();
  const first = relayOutbox(db, 5, async () => {
    taken.resolve();
    await held.promise;
  });
  await taken.promise;
  assert.equal(await relayOutbox(db, 5, async () => assert.fail("published twice")), 0);
  held.resolve();
  assert.equal(await first, 5);
});

test("a publish that fails keeps every entry for the next turn", async () => {
  await fill(3);
  const failing = relayOutbox(db, 10, async () => Promise.reject(new Error("no broker")));
  await assert.rejects(failing, /no broker/);
  assert.equal(await kept(), 3);
  assert.equal(await relayOutbox(db, 10, async () => {}), 3);
  assert.equal(await kept(), 0);
});

test("a relay whose connection dies in mid-publish leaves every entry", async () => {
  await fill(3);
  await using admin = createDatabase({
    url: database.url,
    role: null,
    applicationName: "valify-test-admin",
  });
  const dying = relayOutbox(db, 10, async () => {
    await sql`
      select pg_terminate_backend(pid) from pg_stat_activity
      where datname = current_database() and state = 'idle in transaction'`.execute(admin);
  });
  await assert.rejects(dying);
  assert.equal(await kept(), 3);
});
