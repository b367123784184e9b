import assert from "node:assert/strict";
import { after, test } from "node:test";

import type { BatchUploaded } from "@valify/contracts";
import { deterministicUuid } from "@valify/runtime";
import { type KyselyPlugin, sql } from "kysely";

import { readBatchFile } from "./batch-file.ts";
import { type BatchUploadedDeps, createBatchUploadedHandler } from "./batch-uploaded-handler.ts";
import { batchOfEvent } from "./domain/batch.ts";
import { createChunkJudge } from "./domain/chunk-judge.ts";
import { loadLeads, storeLeads } from "./lead-queries.ts";
import { assertCompletedOnce } from "./testing/assert-completed-once.ts";
import { MIXED_CSV } from "./testing/fixtures.ts";
import { type Moment, mortal } from "./testing/mortal.ts";
import { startWorld } from "./testing/world.ts";

const limits = { bytesMax: 10_000, rowsMax: 100 };
const options = { limits, chunkRows: 3, leaseMs: 10_000 };
const world = await startWorld();
after(() => world[Symbol.asyncDispose]());

const handlerOf = (deps: BatchUploadedDeps) => createBatchUploadedHandler(deps, options);
const handle = handlerOf(world.deps);

for (const moment of ["before", "midway", "after"] satisfies Moment[]) {
  test(`killed ${moment} any step, the next run ends as if nothing had happened`, async () => {
    const whole = await world.upload(MIXED_CSV);
    await handle(whole);
    const results = await world.resultsOf(whole);
    for (let fatalEffect = 1; ; fatalEffect += 1) {
      const event = await world.upload(MIXED_CSV);
      const victim = mortal(world.deps, fatalEffect, moment);
      const outcome = await handlerOf(victim.deps)(event).catch((error: unknown) => error);
      if (victim.isAlive()) {
        assert.equal(outcome, undefined);
        assert.ok(fatalEffect > 15, "the victim died at too few steps to prove anything");
        return;
      }
      await world.endLease(event);
      assert.equal(await handle(event), undefined);
      await assertCompletedOnce(world, event);
      assert.equal(await world.resultsOf(event), results);
    }
  });
}

test("a second validator waits for the rest of the lease and changes nothing", async () => {
  const event = await world.upload(MIXED_CSV);
  const seen: unknown[] = [];
  const holder = handlerOf({
    ...world.deps,
    objects: {
      ...world.deps.objects,
      async put(key, bytes) {
        seen.push(await handle(event));
        await world.deps.objects.put(key, bytes);
      },
    },
  });
  assert.equal(await holder(event), undefined);
  const [later] = seen;
  assert.ok(typeof later === "object" && later !== null && "delayMs" in later);
  assert.ok(Number(later.delayMs) > 0 && Number(later.delayMs) <= options.leaseMs);
  await assertCompletedOnce(world, event);
});

test("a validator that was frozen beyond its lease finds its successor's end", async () => {
  const event = await world.upload(MIXED_CSV);
  let hasFrozen = false;
  const frozen = handlerOf({
    ...world.deps,
    bus: {
      publish: (contract, body) => world.deps.bus.publish(contract, body),
      async publishAll(contract, bodies) {
        if (!hasFrozen) {
          hasFrozen = true;
          await world.endLease(event);
          assert.equal(await handle(event), undefined);
        }
        return world.deps.bus.publishAll(contract, bodies);
      },
    },
  });
  assert.equal(await frozen(event), undefined);
  await assertCompletedOnce(world, event);
});

test("rows that a frozen predecessor still got in are announced as they stand", async () => {
  const event = await world.upload(MIXED_CSV);
  const batch = batchOfEvent(event);
  const { db } = world.deps;
  const handler = handlerOf({
    ...world.deps,
    // The second statement asks what is stored; what comes in after it is not known.
    db: db.withPlugin(afterStatement(2, () => storeEarlierVerdicts(event))),
  });
  assert.equal(await handler(event), undefined);
  const [first] = await loadLeads(db, batch, { firstRow: 1, lastRow: 1 });
  assert.equal(first?.validatedAt, "1970-01-01T00:00:00.000Z");
  await assertCompletedOnce(world, event);
});

test("an error gives the lease back, so that the next delivery starts at once", async () => {
  const event = await world.upload(MIXED_CSV);
  const failing = handlerOf({
    ...world.deps,
    objects: { ...world.deps.objects, put: () => Promise.reject(new Error("store is away")) },
  });
  await assert.rejects(failing(event), /store is away/);
  assert.equal(await handle(event), undefined);
  await assertCompletedOnce(world, event);
});

/** The first two rows, as whoever holds the run would have judged them long ago. */
async function storeEarlierVerdicts(event: BatchUploaded): Promise<void> {
  const batch = batchOfEvent(event);
  const { db } = world.deps;
  const reading = await readBatchFile(world.deps.objects, batch, limits);
  assert.equal(reading.kind, "read");
  const judge = createChunkJudge({
    batch,
    dialect: reading.file.dialect,
    leadUuidOf: (rowNumber) => deterministicUuid("lead", batch.batchUuid, rowNumber),
    nowMs: () => 0,
  });
  const { rows } = await sql<{ leaseToken: string }>`
    select lease_token as "leaseToken" from validation.runs
    where batch_id = ${batch.batchUuid}`.execute(db);
  const run = { batchUuid: batch.batchUuid, leaseToken: rows[0]?.leaseToken ?? "" };
  const leads = judge.seal(judge.judge(reading.file.rows.slice(0, 2)));
  assert.equal(await storeLeads(db, run, batch.tenantId, leads), "stored");
}

function afterStatement(count: number, work: () => Promise<void>): KyselyPlugin {
  let statements = 0;
  return {
    transformQuery: ({ node }) => node,
    async transformResult({ result }) {
      statements += 1;
      if (statements === count) await work();
      return result;
    },
  };
}
