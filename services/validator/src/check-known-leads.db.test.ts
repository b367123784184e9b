import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, test } from "node:test";

import { batchIdOfUuid } from "@valify/contracts";
import { createDatabase, createLeadHash } from "@valify/database";
import { createTestDatabase } from "@valify/database/testing";
import { compileRuleset, defaultRuleProfile, type RuleProfile } from "@valify/lead-file";
import { sql } from "kysely";

import { checkKnownLeads } from "./check-known-leads.ts";
import type { Batch } from "./domain/batch.ts";
import type { Draft } from "./domain/chunk-judge.ts";
import { cancelRun, claimRun, failRun } from "./run-queries.ts";
import { newBatch, requireEnv, TEST_SECRET_KEY } from "./testing/fixtures.ts";

const stack = new AsyncDisposableStack();
const database = stack.use(await createTestDatabase(requireEnv("TEST_DATABASE_URL")));
const db = stack.use(
  createDatabase({ url: database.url, role: "valify_validator", applicationName: "test" }),
);
after(() => stack.disposeAsync());
const leadHash = createLeadHash(TEST_SECRET_KEY);

type Levels = RuleProfile["levels"];
const rejecting = { DUP_PREVIOUS_BATCH: "error" } as const;

async function startRun(tenantId: string) {
  const batch = newBatch({ tenant_id: tenantId });
  const leaseToken = randomUUID();
  await claimRun(db, batch, leaseToken, 60_000);
  return { batch, batchUuid: batch.batchUuid, leaseToken };
}

function draftOf(leadId: string): Draft {
  const verdict = {
    status: "valid",
    leadId,
    slugVersion: 1,
    firstName: "Zelka",
    lastName: "Vlorena",
    dob: "15/03/1990",
    dobDate: "1990-03-15",
    errors: [],
    warnings: [],
  } as const;
  return { row: { rowNumber: 1, lineNumber: 2, cells: [], problem: null }, verdict };
}

/** What the batch hears of each lead: `ok`, or the finding's code and severity. */
async function hears(
  run: Awaited<ReturnType<typeof startRun>>,
  leadIds: readonly string[],
  levels: Levels = {},
  windowDays = 90,
): Promise<readonly string[]> {
  const profile = { ...defaultRuleProfile, levels, duplicateWindowDays: windowDays };
  const ruleset = compileRuleset(profile);
  const drafts = await checkKnownLeads({ db, leadHash }, run, leadIds.map(draftOf), ruleset);
  return drafts.map(({ verdict: { errors, warnings } }) => {
    const [finding] = [...errors, ...warnings];
    return finding === undefined ? "ok" : `${finding.severity} ${finding.code}`;
  });
}

const seenWarning = "warning DUP_PREVIOUS_BATCH";
const seenError = "error DUP_PREVIOUS_BATCH";

async function ageClaims({ batchUuid }: Pick<Batch, "batchUuid">, days: number) {
  await sql`update validation.lead_claims set seen_at = seen_at - ${days} * interval '1 day'
    where batch_id = ${batchUuid}`.execute(db);
}

test("the first batch with a lead hears nothing, the next one where and when it was", async () => {
  const tenant = randomUUID();
  const first = await startRun(tenant);
  const second = await startRun(tenant);
  assert.deepEqual(await hears(first, ["a", "b"]), ["ok", "ok"]);
  assert.deepEqual(await hears(second, ["b", "c"]), [seenWarning, "ok"]);
  const ruleset = compileRuleset(defaultRuleProfile);
  const [draft] = await checkKnownLeads({ db, leadHash }, second, [draftOf("b")], ruleset);
  const message = draft?.verdict.warnings[0]?.message ?? "";
  assert.match(message, /^Already seen in batch batch_\w{26} on \d\d\/\d\d\/\d{4}$/);
  assert.ok(message.includes(batchIdOfUuid(first.batchUuid)));
});

test("a chunk that is checked again after a crash hears the same", async () => {
  const tenant = randomUUID();
  const first = await startRun(tenant);
  const second = await startRun(tenant);
  await hears(first, ["a"]);
  for (const levels of [{}, rejecting]) {
    const wanted = levels === rejecting ? seenError : seenWarning;
    assert.deepEqual(await hears(second, ["a", "b"], levels), [wanted, "ok"]);
    assert.deepEqual(await hears(second, ["a", "b"], levels), [wanted, "ok"]);
    assert.deepEqual(await hears(first, ["a"]), ["ok"]);
  }
});

// Goal: of two files validated at once exactly one has the lead first, and neither waits for ever.
// Method: the same leads in opposite order, two chunks at once, many times; a deadlock would throw.
test("of two batches at once exactly one is the first with each lead", async () => {
  const tenant = randomUUID();
  for (let round = 0; round < 20; round += 1) {
    const leads = Array.from({ length: 300 }, (_, index) => `lead-${round}-${index}`);
    const runs = await Promise.all([startRun(tenant), startRun(tenant)]);
    const [one, two] = await Promise.all([
      hears(runs[0], leads, rejecting),
      hears(runs[1], leads.toReversed(), rejecting),
    ]);
    const heard = leads.map((_, index) => [one[index], two[leads.length - 1 - index]]);
    for (const pair of heard) {
      assert.deepEqual(
        pair.toSorted((a = "", b = "") => a.localeCompare(b)),
        [seenError, "ok"],
      );
    }
  }
});

test("a lead counts as new again when the window since it was last taken is over", async () => {
  const tenant = randomUUID();
  const first = await startRun(tenant);
  const second = await startRun(tenant);
  const third = await startRun(tenant);
  await hears(first, ["a"]);
  await ageClaims(first, 29);
  assert.deepEqual(await hears(second, ["a"], {}, 30), [seenWarning]);
  await ageClaims(first, 29);
  assert.deepEqual(await hears(third, ["a"], {}, 30), [seenWarning], "taken 29 days ago");
  await ageClaims(first, 31);
  assert.deepEqual(await hears(third, ["a"], {}, 30), ["ok"]);
  assert.deepEqual(await hears(second, ["a"], {}, 30), [seenWarning], "it is the third's now");
});

test("a lead that was refused as a repetition does not prolong the window", async () => {
  const tenant = randomUUID();
  const first = await startRun(tenant);
  const second = await startRun(tenant);
  await hears(first, ["a"]);
  await ageClaims(first, 29);
  assert.deepEqual(await hears(second, ["a"], rejecting, 30), [seenError]);
  await ageClaims(first, 2);
  assert.deepEqual(await hears(second, ["a"], rejecting, 30), ["ok"]);
});

test("a batch that was cancelled or failed gives its leads up, and one cancelled late too", async () => {
  const tenant = randomUUID();
  const cancelled = await startRun(tenant);
  const failed = await startRun(tenant);
  const late = await startRun(tenant);
  await hears(cancelled, ["a"]);
  await hears(failed, ["b"]);
  await hears(late, ["c"]);
  await cancelRun(db, cancelled.batch);
  await failRun(db, failed, { code: "FILE_CHANGED", message: "" });
  await sql`update validation.runs set status = 'completed', ended_at = now()
    where batch_id = ${late.batchUuid}`.execute(db);
  await cancelRun(db, late.batch);
  assert.deepEqual(await hears(await startRun(tenant), ["a", "b", "c"]), ["ok", "ok", "ok"]);
});

test("a run that is not ours any more claims nothing", async () => {
  const tenant = randomUUID();
  const run = await startRun(tenant);
  assert.deepEqual(await hears({ ...run, leaseToken: randomUUID() }, ["a"]), ["ok"]);
  assert.deepEqual(await hears(await startRun(tenant), ["a"]), ["ok"]);
});

test("one tenant's leads are nothing to another", async () => {
  await hears(await startRun(randomUUID()), ["a"]);
  assert.deepEqual(await hears(await startRun(randomUUID()), ["a"]), ["ok"]);
});

test("who asked to be erased is refused, and claims nothing", async () => {
  const tenant = randomUUID();
  await sql`insert into validation.suppressions (tenant_id, lead_hash)
    values (${tenant}, ${leadHash(tenant, "a")})`.execute(db);
  const run = await startRun(tenant);
  const levels = { DUP_PREVIOUS_BATCH: "off" } as const;
  assert.deepEqual(await hears(run, ["a", "b"]), ["error SUPPRESSED_ERASED", "ok"]);
  assert.deepEqual(await hears(run, ["a"], levels), ["error SUPPRESSED_ERASED"]);
  const { rows } = await sql`select batch_id from validation.lead_claims
    where lead_hash = ${leadHash(tenant, "a")}`.execute(db);
  assert.deepEqual(rows, []);
});

test("no name stands in the table of claims", async () => {
  const tenant = randomUUID();
  await hears(await startRun(tenant), ["zelka.vlorena.15031990"]);
  const { rows } = await sql`select * from validation.lead_claims
    where tenant_id = ${tenant}`.execute(db);
  assert.equal(rows.length, 1);
  assert.doesNotMatch(JSON.stringify(rows), /zelka|vlorena|1990/i);
});
