import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, test } from "node:test";

import { jetstreamManager } from "@nats-io/jetstream";
import { batchIdOfUuid, leadValidated } from "@valify/contracts";
import { requireEnv } from "@valify/database/testing";

import { connectBus } from "./bus.ts";
import { eraseMessages } from "./erase-messages.ts";
import { createLogger } from "./logger.ts";
import { startTestNats } from "./testing.ts";

// Goal: the messages of one lead are gone from a stream, wherever they lie, and no others.
// Method: more messages than one page, the wanted ones at the ends, at a page's edge and once twice.

const nats = await startTestNats(requireEnv("TEST_NATS_SERVER_BIN"));
const log = createLogger("test", "silent");
const bus = await connectBus({ url: nats.url, service: "validator", log });
const manager = await jetstreamManager(bus.connection);
after(async () => {
  await bus[Symbol.asyncDispose]();
  await nats[Symbol.asyncDispose]();
});

function leadOf(row: number) {
  return {
    id: "zelka.vlorena.15031990",
    first_name: "Zelka",
    last_name: "Vlorena",
    dob: "15/03/1990",
    validation_status: "valid" as const,
    validation_timestamp: "2024-01-15T10:30:00Z",
    batch_id: batchIdOfUuid(randomUUID()),
    webhook_scheduled_for: "2024-01-16T10:30:00Z",
    lead_uuid: randomUUID(),
    row,
    errors: [],
    warnings: [],
    tenant_id: randomUUID(),
    validator_version: "test",
  };
}

async function messagesOf(stream: string): Promise<number> {
  return (await manager.streams.info(stream)).state.messages;
}

test("the wanted messages of a stream are erased, all others stay", async () => {
  const startedAt = new Date();
  const leads = Array.from({ length: 2_500 }, (_, index) => leadOf(index + 1));
  await bus.publishAll(leadValidated, leads);
  const wanted = [1, 1_000, 1_001, 2_500].map((row) => leads[row - 1]?.lead_uuid ?? "");
  const ids = new Set(wanted.map((uuid) => `lead.validated:${uuid}:v1`));
  // The same lead again, as after a crash that outlasted the server's memory of ids.
  const [again] = await bus.publishAll(leadValidated, [{ ...leadOf(1), lead_uuid: randomUUID() }]);
  const search = { stream: "LEADS", subject: "lead.validated", since: startedAt };
  const isWanted = ({ messageId }: { readonly messageId: string }) => ids.has(messageId);
  assert.equal(await eraseMessages(bus, { ...search, withBodies: false, isWanted }), 4);
  assert.equal(await messagesOf("LEADS"), 2_497);
  assert.ok((await manager.streams.getMessage("LEADS", { seq: again?.seq ?? 0 })) !== null);
  assert.equal(await eraseMessages(bus, { ...search, withBodies: false, isWanted }), 0);

  const since = new Date(Date.now() + 60_000);
  const all = { ...search, since, withBodies: false, isWanted: () => true };
  assert.equal(await eraseMessages(bus, all), 0, "what is older than asked for is not looked at");
});

test("by what a body says, in a stream of many subjects", async () => {
  const { lead_uuid: uuid, ...lead } = leadOf(1);
  const bury = (subject: string, seq: number, payload: string) =>
    bus.publishMessage({ subject, messageId: `LEADS:test:${seq}`, headers: {}, payload });
  await bury("dlq.lead.validated", 1, JSON.stringify({ ...lead, lead_uuid: uuid }));
  await bury("dlq.lead.validated", 2, "not even JSON");
  await bury("dlq.webhook.due", 3, JSON.stringify({ id: uuid }));
  const search = { stream: "DLQ", subject: "dlq.lead.validated", since: null, withBodies: true };
  const erased = await eraseMessages(bus, {
    ...search,
    isWanted: ({ text }) => text.includes(uuid),
  });
  assert.equal(erased, 1);
  assert.equal(await messagesOf("DLQ"), 2);
});

test("a stream without such messages is looked through at once", async () => {
  const search = { stream: "BATCH", subject: "batch.uploaded", since: null, withBodies: false };
  assert.equal(await eraseMessages(bus, { ...search, isWanted: () => true }), 0);
});
