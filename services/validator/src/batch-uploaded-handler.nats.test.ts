import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, test } from "node:test";

import { type BatchUploaded, RuleProfile } from "@valify/contracts";
import { sql } from "kysely";

import { createBatchCancelledHandler } from "./batch-cancelled-handler.ts";
import {
  type BatchUploadedDeps,
  createBatchAbandonedHandler,
  createBatchUploadedHandler,
} from "./batch-uploaded-handler.ts";
import { batchOfEvent } from "./domain/batch.ts";
import { countLeads } from "./lead-queries.ts";
import { cancelRun, findRunEnd } from "./run-queries.ts";
import { assertCompletedOnce } from "./testing/assert-completed-once.ts";
import { MIXED_CSV } from "./testing/fixtures.ts";
import { startWorld } from "./testing/world.ts";

const limits = { bytesMax: 10_000, rowsMax: 100 };
const options = { limits, chunkRows: 3, leaseMs: 10_000 };
const world = await startWorld();
after(() => world[Symbol.asyncDispose]());

const handlerOf = (deps: BatchUploadedDeps) => createBatchUploadedHandler(deps, options);
const handle = handlerOf(world.deps);
const cancel = createBatchCancelledHandler((batch) => cancelRun(world.deps.db, batch));
const cancelledOf = ({ batch_id, tenant_id }: BatchUploaded) => ({
  batch_id,
  tenant_id,
  cancelled_at: "2026-11-22T10:00:00.000Z",
});

const RESULTS = [
  "first_name,last_name,dob,row_number,lead_id,status,error_codes,error_messages,warning_codes",
  "Zelka,Vlorena,15/03/1990,1,zelka.vlorena.15031990,valid,,,",
];

test("a mixed file ends with counts that add up, one event per lead, and its results", async () => {
  const event = await world.upload(MIXED_CSV);
  assert.equal(await handle(event), undefined);
  await assertCompletedOnce(world, event);
  const results = (await world.resultsOf(event))?.split("\r\n") ?? [];
  assert.deepEqual(results.slice(0, 2), RESULTS);
  assert.deepEqual(
    results.slice(1, -1).map((line) => line.match(/,(valid|invalid|skipped),/)?.[1]),
    ["valid", "invalid", "skipped", "valid", "invalid", "invalid", "valid", "skipped"],
  );
});

test("the refused rows have a file of their own, the same rows as in the results", async () => {
  const event = await world.upload(MIXED_CSV);
  await handle(event);
  const lines = (await world.resultsOf(event))?.split("\r\n") ?? [];
  const refused = lines.filter((line) => !line.includes(",valid,"));
  assert.equal(await world.errorsOf(event), refused.join("\r\n"));
  assert.equal(refused.length, 7, "header, five rows, and the end of the last line");
});

test("a file without a refused row has no file of refused rows", async () => {
  const csv = "first_name,last_name,dob\nZelka,Vlorena,15/03/1990\n";
  const event = await world.upload(csv, { total_leads: 1 });
  await handle(event);
  assert.equal(await world.errorsOf(event), undefined);
  const { rows } = await sql`select errors_object_key from validation.runs
    where batch_id = ${batchOfEvent(event).batchUuid}`.execute(world.deps.db);
  assert.deepEqual(rows, [{ errors_object_key: null }]);
});

test("a message that comes again finds the batch ended and tells the end again", async () => {
  const event = await world.upload(MIXED_CSV);
  await handle(event);
  const { bus } = world.deps;
  const published: string[] = [];
  const again = handlerOf({
    ...world.deps,
    bus: {
      publish: (contract, body) => {
        published.push(contract.subject);
        return bus.publish(contract, body);
      },
      publishAll: async () => assert.fail("no lead is announced again"),
    },
  });
  assert.equal(await again(event), undefined);
  assert.deepEqual(published, ["batch.completed"]);
  await assertCompletedOnce(world, event);
});

test("a batch cancelled before it started is left alone", async () => {
  const event = await world.upload(MIXED_CSV);
  await cancel(cancelledOf(event));
  assert.equal(await handle(event), undefined);
  assert.deepEqual(await world.leadsAnnounced(event.batch_id), []);
  assert.deepEqual(await world.endsAnnounced(event.batch_id), []);
});

test("a batch cancelled at work stops within the chunk and has no other end", async () => {
  const event = await world.upload(MIXED_CSV);
  const handler = handlerOf({
    ...world.deps,
    bus: {
      publish: (contract, body) => world.deps.bus.publish(contract, body),
      async publishAll(contract, bodies) {
        await cancel(cancelledOf(event));
        return world.deps.bus.publishAll(contract, bodies);
      },
    },
  });
  assert.equal(await handler(event), undefined);
  assert.equal((await world.leadsAnnounced(event.batch_id)).length, 2); // of the first three rows
  assert.deepEqual(await world.endsAnnounced(event.batch_id), []);
  assert.equal(await world.resultsOf(event), undefined);
  const { batchUuid } = batchOfEvent(event);
  assert.deepEqual(await findRunEnd(world.deps.db, batchUuid), { status: "cancelled" });
});

const unreadable = [
  { name: "a file that is gone", code: "OBJECT_MISSING", overrides: { object_key: "uploads/no" } },
  { name: "a file of another size", code: "FILE_CHANGED", overrides: { byte_count: 7 } },
  { name: "a file of fewer rows", code: "FILE_CHANGED", overrides: { total_leads: 9 } },
  { name: "a file that is no lead file", code: "FILE_CHANGED", csv: "Zelka,Vlorena\n" },
];
for (const { name, code, overrides, csv } of unreadable) {
  test(`${name} fails the batch at once`, async () => {
    const uploaded = await world.upload(csv ?? MIXED_CSV);
    const event = { ...uploaded, ...overrides };
    assert.equal(await handle(event), undefined);
    const [end, ...others] = await world.endsAnnounced(event.batch_id);
    assert.deepEqual(others, []);
    assert.equal(end?.messageId, `batch.failed:${event.batch_id}`);
    assert.equal(end.body["code"], code);
    assert.doesNotMatch(JSON.stringify(end.body), /zelka/i);
    assert.equal(await handle(event), undefined); // a repeat tells it again, under the same id
    assert.equal((await world.endsAnnounced(event.batch_id)).length, 1);
    assert.deepEqual(await countLeads(world.deps.db, batchOfEvent(event)), {
      valid: 0,
      invalid: 0,
      skipped: 0,
    });
  });
}

test("rows that vanish from the table fail the batch instead of completing it short", async () => {
  const event = await world.upload(MIXED_CSV);
  const { batchUuid } = batchOfEvent(event);
  const { db, bus } = world.deps;
  const handler = handlerOf({
    ...world.deps,
    bus: {
      publish: (contract, body) => bus.publish(contract, body),
      async publishAll(contract, bodies) {
        await sql`delete from validation.leads
          where batch_id = ${batchUuid} and row_number = 1`.execute(db);
        return bus.publishAll(contract, bodies);
      },
    },
  });
  await handler(event);
  const [end] = await world.endsAnnounced(event.batch_id);
  assert.equal(end?.body["code"], "COUNT_MISMATCH");
});

test("a batch given up is failed, and its holder stops", async () => {
  const event = await world.upload(MIXED_CSV);
  const abandon = createBatchAbandonedHandler(world.deps);
  const handler = handlerOf({
    ...world.deps,
    objects: {
      ...world.deps.objects,
      async get(key) {
        await abandon(event);
        return world.deps.objects.get(key);
      },
    },
  });
  assert.equal(await handler(event), undefined);
  assert.deepEqual(await world.leadsAnnounced(event.batch_id), []);
  const [end, ...others] = await world.endsAnnounced(event.batch_id);
  assert.deepEqual(others, []);
  assert.equal(end?.body["code"], "VALIDATION_ABANDONED");
});

const fileOf = (firstNames: readonly string[]) =>
  `first_name,last_name,dob\n${firstNames.map((name) => `${name},Vlorena,15/03/1990\n`).join("")}`;

// Goal: whoever refuses repetitions gets each lead once, also when both files come at once.
test("two files with the same leads at once: each lead is valid in exactly one of them", async () => {
  const names = Array.from({ length: 12 }, (_, index) => `Zelk${"abcdefghijkl"[index]}`);
  const profile = RuleProfile.parse({ levels: { DUP_PREVIOUS_BATCH: "error" } });
  const tenant = { tenant_id: randomUUID(), rule_profile: profile, total_leads: names.length };
  const events = await Promise.all(
    [names, names.toReversed()].map((list) => world.upload(fileOf(list), tenant)),
  );
  await Promise.all(events.map((event) => handle(event)));
  const { rows } = await sql<{ valid: number; refused: number }>`
    select lead_id, count(*) filter (where status = 'valid')::int as valid,
      count(*) filter (where errors::text like '%DUP_PREVIOUS_BATCH%')::int as refused
    from validation.leads where tenant_id = ${tenant.tenant_id} group by lead_id`.execute(
    world.deps.db,
  );
  assert.deepEqual(
    rows.map(({ valid, refused }) => [valid, refused]),
    names.map(() => [1, 1]),
  );
});
