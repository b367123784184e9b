import assert from "node:assert/strict";
import { test } from "node:test";

import { leadErased, leadValidated } from "@valify/contracts";
import { EndpointCreated, ErasurePreview, ErasureView, FindingPage } from "@valify/contracts/api";

import { publishAgain } from "../support/event-writer.ts";
import { leadLine } from "../support/lead-csv.ts";
import { untilStored } from "../support/moments.ts";
import { runScript } from "../support/service-process.ts";
import { type Stack, startStack } from "../support/stack.ts";
import { findTraces } from "../support/traces.ts";
import { startWebhookReceiver } from "../support/webhook-receiver.ts";

const HEADER = "first_name,last_name,dob";
const PERSON = "Zelkumira,Vlorengarde,07/03/1987";
const ID = "zelkumira.vlorengarde.07031987";
/** Whatever form it takes. */
const TRACES = "zelkumira|vlorengarde|07/?03/?1987|1987-03-07";

/** Waits until an erasure is complete. */
async function erase({ api, waitFor }: Stack, confirm: readonly string[]): Promise<ErasureView> {
  const asked = ErasureView.parse(
    await api.json("POST", "/erasures", 202, { lead_id: ID, confirm }),
  );
  let last = asked;
  await waitFor(
    async () => {
      last = ErasureView.parse(await api.json("GET", `/erasures/${asked.erasure_id}`, 200));
      return last.status === "completed";
    },
    () => `the erasure is complete, not ${JSON.stringify(last.cleared)}`,
  );
  return last;
}

// Goal: of a person who asked to be erased nothing is left anywhere, nothing more is sent about them,
// and they do not come back; of everybody else all is as it was.
// Method: a person in two files, one delivered to one endpoint and waiting for its retry at another,
// one not due yet; both endpoints quote what they were sent. Then everything that is held is searched.
test("a person who is erased is nowhere any more, and does not come back", async (t) => {
  await using stack = await startStack({
    webhookDelay: "PT3S",
    retryDelays: "PT60S",
    receiver: { echo: true },
  });
  await using failing = await startWebhookReceiver({ echo: true, respond: () => 500 });
  const { api, db, receiver } = stack;
  EndpointCreated.parse(await api.json("POST", "/endpoints", 201, { url: failing.url }));

  // The second row is the same person in another spelling, whose date cannot be read.
  const first = await api.upload(
    [HEADER, PERSON, leadLine(1), "Zelkumira,Vlorengarde,7th of March", leadLine(2), ""].join("\n"),
  );
  await stack.waitFor(
    async () => receiver.received.length === 4 && (await waitingCount(stack)) === 4,
    "four webhooks arrived at one endpoint and wait for their retry at the other",
  );
  const [announced] = await untilStored(stack, leadValidated, 4);
  assert.ok(announced !== undefined);
  await publishAgain(stack.nats.url, "dlq.lead.validated", announced);
  const second = await api.upload(`${HEADER}\n${PERSON}\n${leadLine(3)}\n`);
  await stack.waitForStatus(second.batch_id, "completed");
  await stack.waitFor(async () => (await dueFirst(stack)) === 2, "the second file is scheduled");

  const held = await findTraces(stack, TRACES);
  for (const place of [
    "table validation.leads",
    "table delivery.attempts",
    "stream LEADS lead.validated",
    "stream DLQ dlq.lead.validated",
  ]) {
    assert.ok(held.includes(place), `the search finds ${place}: ${held.join(", ")}`);
  }
  for (const begin of ["object uploads/", "object results/", "object errors/", "disk "]) {
    assert.ok(
      held.some((place) => place.startsWith(begin)),
      begin,
    );
  }
  assert.ok(!held.some((place) => place.startsWith("log ")), held.join(", "));

  const preview = ErasurePreview.parse(await api.json("POST", "/erasures", 200, { lead_id: ID }));
  assert.equal(preview.unfinished_batches, 0);
  assert.deepEqual(
    preview.matches.map(({ row, held: { deliveries_sent: sent, deliveries_pending: pending } }) => [
      row,
      sent,
      pending,
    ]),
    [
      [1, 1, 1],
      [3, 1, 1],
      [1, 0, 1],
    ],
  );
  const uuids = preview.matches.map(({ lead_uuid: uuid }) => uuid);
  const startedMs = performance.now();
  await erase(stack, uuids);
  t.diagnostic(`erased in ${Math.round(performance.now() - startedMs)} ms`);
  assert.equal(await dueFirst(stack), 1, "the one that was not due yet is dropped");

  assert.deepEqual(await findTraces(stack, TRACES), []);
  const told = await untilStored(stack, leadErased, 3);
  assert.deepEqual(told.map(({ event }) => event.lead_uuid).toSorted(), uuids.toSorted());
  const results = await api.results(first.batch_id);
  assert.deepEqual(
    results.split("\r\n").map((line) => line.split(",").slice(3, 6).join(" ")),
    [
      "row_number lead_id status",
      "1  erased",
      `2 ${idOf(1)} valid`,
      "3  erased",
      `4 ${idOf(2)} valid`,
      "",
    ],
  );
  const [tombstone, other] = (await api.webhookStatus(second.batch_id)).leads;
  assert.deepEqual([tombstone?.id, tombstone?.webhook_status], ["erased", "erased"]);
  assert.notEqual(other?.id, "erased");
  const { rows } = await db.query(
    "select state, count(*)::int as count from delivery.deliveries group by state order by state",
  );
  assert.deepEqual(rows, [
    { state: "delivered", count: 4 },
    { state: "erased", count: 2 },
    { state: "waiting", count: 2 },
  ]);

  const again = await api.upload(`${HEADER}\n${PERSON}\n${leadLine(4)}\n`);
  await stack.waitForStatus(again.batch_id, "completed");
  const path = `/batches/${again.batch_id}/findings?code=SUPPRESSED_ERASED`;
  const { findings } = FindingPage.parse(await api.json("GET", path, 200));
  assert.deepEqual(
    findings.map(({ row }) => row),
    [1],
  );
  await stack.waitFor(
    () => receiver.received.some(({ body }) => body.id === idOf(4)),
    "a later webhook has arrived",
  );
  const ofSecond = receiver.received.filter(({ body }) => body.batch_id === second.batch_id);
  assert.deepEqual(
    ofSecond.map(({ body }) => body.row),
    [2],
  );
  assert.ok(
    receiver.received.every(({ body }) => body.batch_id !== again.batch_id || body.row !== 1),
    "who was refused as erased is told to nobody",
  );

  await assertNoOtherKey(stack);
  // The file itself goes within minutes, now that its batch has ended.
  const left = await findTraces(stack, TRACES);
  assert.deepEqual(
    left.map((place) => place.split("/")[0]),
    ["object uploads"],
  );
});

// Goal: with another key nobody who was erased would be known again, so no service starts with one.
// Method: the port of a process that runs, so that whoever does start ends as well, and says otherwise.
async function assertNoOtherKey({ env, services }: Stack): Promise<void> {
  const key = "0123456789abcdef0123456789abcdef";
  const other = { ...env, SECRET_KEY: key, PORT: String(services.ingest.port) };
  const names = ["ingest", "validator", "webhook-dispatcher"];
  const starts = names.map((name) => runScript(`services/${name}/src/main.ts`, other));
  for (const [index, { exitCode, lines }] of (await Promise.all(starts)).entries()) {
    assert.deepEqual([exitCode, lines.length], [1, 1], lines.join("\n"));
    const start = `${names[index]}: SECRET_KEY is not the one this database was written under: `;
    assert.ok(lines[0]?.startsWith(start), lines[0]);
    assert.ok(!lines[0]?.includes(key));
  }
}

function idOf(index: number): string {
  const [first = "", last = "", dob = ""] = leadLine(index).toLowerCase().split(",");
  return `${first}.${last}.${dob.replaceAll("/", "")}`;
}

async function waitingCount({ db }: Stack): Promise<number> {
  const { rows } = await db.query<{ count: number }>(
    "select count(*)::int as count from delivery.deliveries where state = 'waiting'",
  );
  return rows[0]?.count ?? 0;
}

/** First wake-ups that are still to come. */
async function dueFirst({ db }: Stack): Promise<number> {
  const { rows } = await db.query<{ count: number }>(
    "select count(*)::int as count from scheduling.due where kind = 0",
  );
  return rows[0]?.count ?? 0;
}
