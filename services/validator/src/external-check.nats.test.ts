import assert from "node:assert/strict";
import { after, test } from "node:test";

import { RuleProfile } from "@valify/contracts";
import { createAddressGuard } from "@valify/runtime";
import { sql } from "kysely";

import { createBatchUploadedHandler } from "./batch-uploaded-handler.ts";
import { batchOfEvent } from "./domain/batch.ts";
import { createExternalProvider } from "./external-provider.ts";
import { findRunEnd } from "./run-queries.ts";
import { agreeing, answerWith, startFakeProvider } from "./testing/fake-provider.ts";
import { startWorld } from "./testing/world.ts";

// Goal: the external check changes verdicts and delays, and never loses or repeats a lead.

const stack = new AsyncDisposableStack();
after(() => stack.disposeAsync());
const world = stack.use(await startWorld());
const fake = stack.use(await startFakeProvider());
const external = stack.use(
  createExternalProvider({
    url: fake.url,
    name: "ACME",
    secret: `whsec_${Buffer.alloc(32, 7).toString("base64")}`,
    guard: createAddressGuard({ allowedCidrs: ["127.0.0.0/8"], allowHttp: true }),
    timeoutMs: 2_000,
    retryDelayMs: 1,
    breakerPauseMs: 1,
  }),
);
const options = {
  limits: { bytesMax: 10_000, rowsMax: 100 },
  chunkRows: 2,
  leaseMs: 10_000,
};
const handle = createBatchUploadedHandler({ ...world.deps, external }, options);

const CSV = `first_name,last_name,dob
Zelka,Vlorena,15/03/1990
Zelki,Vlorena,31/02/1990
Zelko,Vlorena,16/03/1990
`;
const upload = (policy: "warn" | "hold" | "invalid", uploadedAt = new Date()) =>
  world.upload(CSV, {
    total_leads: 3,
    rule_profile: RuleProfile.parse({
      external_check: policy,
      levels: { DUP_PREVIOUS_BATCH: "off" },
    }),
    uploaded_at: uploadedAt.toISOString(),
  });

async function findingsOf(event: Awaited<ReturnType<typeof upload>>) {
  const { rows } = await sql<{ status: string; errors: object[]; warnings: object[] }>`
    select status, errors, warnings from validation.leads
    where batch_id = ${batchOfEvent(event).batchUuid} order by row_number`.execute(world.deps.db);
  return rows.map(({ status, errors, warnings }) =>
    [status, ...(JSON.stringify([errors, warnings]).match(/EXT_\w+/g) ?? [])].join(" "),
  );
}

test("what the provider says of a lead is its verdict, before it is stored and announced", async () => {
  fake.behave((response, { rows }) => {
    const results = rows.map((row) => ({ row, status: row === 3 ? "invalid" : "valid" }));
    answerWith(response, { results });
  });
  const event = await upload("warn");
  assert.equal(await handle(event), undefined);
  assert.deepEqual(await findingsOf(event), ["valid", "invalid", "invalid EXT_ACME_INVALID"]);
  const announced = await world.leadsAnnounced(event.batch_id);
  assert.deepEqual(
    announced.map(({ body }) => [body.row, body.validation_status]),
    [
      [1, "valid"],
      [2, "invalid"],
      [3, "invalid"],
    ],
  );
  assert.ok(!fake.received.some(({ rows }) => rows.includes(2)), "an invalid lead is not shown");
});

test("a batch that rather waits is given back, goes on where it stopped, and asks again", async () => {
  fake.received.length = 0;
  fake.behave((response, question) => {
    if (question.rows.includes(3)) answerWith(response, "down", 400);
    else agreeing(response, question);
  });
  const event = await upload("hold");
  const later = await handle(event);
  assert.equal(later?.kind, "later");
  assert.equal(await findRunEnd(world.deps.db, batchOfEvent(event).batchUuid), undefined);
  const held = await handle(event);
  assert.equal(held?.kind, "later", "nobody works on it meanwhile");

  fake.behave(agreeing);
  await world.endLease(event);
  assert.equal(await handle(event), undefined);
  assert.deepEqual(await findingsOf(event), ["valid", "invalid", "valid"]);
  assert.equal((await world.leadsAnnounced(event.batch_id)).length, 3);
  assert.equal((await world.endsAnnounced(event.batch_id)).length, 1);
  const firstChunk = fake.received.filter(({ rows }) => rows.includes(1));
  assert.equal(firstChunk.length, 1, "a stored verdict is not asked for again");
});

test("a batch that has waited six hours fails and says why", async () => {
  fake.behave((response) => answerWith(response, "down", 400));
  const event = await upload("hold", new Date(Date.now() - 7 * 3_600_000));
  assert.equal(await handle(event), undefined);
  const end = await findRunEnd(world.deps.db, batchOfEvent(event).batchUuid);
  assert.equal(end?.status, "failed");
  assert.equal(end.failure.code, "EXTERNAL_CHECK_UNAVAILABLE");
});

test("without an answer leads are refused where the profile says so", async () => {
  fake.behave((response) => answerWith(response, "down", 400));
  const event = await upload("invalid");
  assert.equal(await handle(event), undefined);
  const unavailable = "invalid EXT_UNAVAILABLE";
  assert.deepEqual(await findingsOf(event), [unavailable, "invalid", unavailable]);
});

test("the provider hears nothing of a person who asked to be erased", async () => {
  fake.behave(agreeing);
  const event = await upload("warn");
  const { leadHash, db } = world.deps;
  await sql`insert into validation.suppressions (lead_hash, tenant_id)
    values (${leadHash(event.tenant_id, "zelka.vlorena.15031990")}, ${event.tenant_id})`.execute(
    db,
  );
  const count = fake.received.length;
  await handle(event);
  assert.deepEqual(await findingsOf(event), ["invalid", "invalid", "valid"]);
  const heard = fake.received.slice(count).map(({ rawBody }) => rawBody);
  assert.equal(heard.length, 1);
  assert.doesNotMatch(heard.join(), /Zelka/);
});
