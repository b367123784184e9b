import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, test } from "node:test";

import { jetstreamManager } from "@nats-io/jetstream";
import {
  type BatchCancelled,
  batchCancelled,
  batchIdOfUuid,
  batchUploaded,
} from "@valify/contracts";
import { addToOutbox, createDatabase } from "@valify/database";
import { createTestDatabase, requireEnv } from "@valify/database/testing";

import { connectBus } from "./bus.ts";
import { createLogger } from "./logger.ts";
import { startOutboxRelay } from "./outbox-relay.ts";
import { eventually, startTestNats } from "./testing.ts";

const database = await createTestDatabase(requireEnv("TEST_DATABASE_URL"));
const nats = await startTestNats(requireEnv("TEST_NATS_SERVER_BIN"));
const db = createDatabase({
  url: database.url,
  role: "valify_ingest",
  applicationName: "valify-test",
});
const lines: string[] = [];
const log = createLogger("ingest", "info", { write: (line) => void lines.push(line) });
const bus = await connectBus({ url: nats.url, service: "ingest", log, ackTimeoutMs: 300 });
const manager = await jetstreamManager(bus.connection);
after(async () => {
  await bus[Symbol.asyncDispose]();
  await db.destroy();
  await nats[Symbol.asyncDispose]();
  await database[Symbol.asyncDispose]();
});

function relay() {
  return startOutboxRelay({ db, bus, log, contracts: [batchUploaded, batchCancelled] });
}

function cancellation(): BatchCancelled {
  return {
    batch_id: batchIdOfUuid(randomUUID()),
    tenant_id: randomUUID(),
    cancelled_at: "2024-01-15T10:30:00Z",
  };
}

async function commit(subject: string, events: readonly object[]): Promise<void> {
  await db.transaction().execute(async (trx) => {
    for (const event of events) await addToOutbox(trx, subject, event);
  });
}

async function kept(): Promise<number> {
  return (await db.selectFrom("ingest.outbox").select("outbox_id").execute()).length;
}

async function stored(): Promise<number> {
  return (await manager.streams.info("BATCH")).state.messages;
}

test("a committed event is published and gone from the outbox", async () => {
  await using outbox = relay();
  const event = cancellation();
  await commit("batch.cancelled", [event]);
  outbox.wake();
  await eventually(async () => (await kept()) === 0, "an empty outbox");
  const last = await manager.streams.getMessage("BATCH", { last_by_subj: "batch.cancelled" });
  assert.deepEqual(last?.json(), event);
  assert.equal(last?.header.get("ce-id"), `batch.cancelled:${event.batch_id}`);
});

test("what a dead process left behind goes out without a wake", async () => {
  const before = await stored();
  await commit("batch.cancelled", Array.from({ length: 250 }, cancellation));
  await using _ = relay();
  await eventually(async () => (await kept()) === 0, "an empty outbox");
  assert.equal((await stored()) - before, 250);
});

test("several relays publish every event exactly once", async () => {
  const before = await stored();
  await using first = relay();
  await using second = relay();
  for (let turn = 0; turn < 5; turn += 1) {
    await commit("batch.cancelled", Array.from({ length: 60 }, cancellation));
    first.wake();
    second.wake();
  }
  await eventually(async () => (await kept()) === 0, "an empty outbox");
  assert.equal((await stored()) - before, 300);
});

test("an event that no contract knows is kept and complained about, without its content", async () => {
  lines.length = 0;
  await using outbox = relay();
  await commit("batch.renamed", [{ name: "CANARY" }]);
  outbox.wake();
  await eventually(() => lines.some((line) => line.includes("unknown batch.renamed")), "a warning");
  assert.equal(await kept(), 1);
  assert.doesNotMatch(lines.join(""), /CANARY/);
  await db.deleteFrom("ingest.outbox").execute();
});

test("while NATS is away nothing is lost, and afterwards everything goes out once", async () => {
  const before = await stored();
  await using outbox = relay();
  await nats.stop();
  lines.length = 0;
  await commit("batch.cancelled", Array.from({ length: 20 }, cancellation));
  outbox.wake();
  await eventually(() => lines.some((line) => line.includes("outbox.relay_failed")), "a warning");
  assert.equal(await kept(), 20);
  await nats.start();
  await eventually(async () => (await kept()) === 0, "an empty outbox");
  assert.equal((await stored()) - before, 20);
});

test("disposal waits for the turn under way and ends the loop", async () => {
  const outbox = relay();
  await commit("batch.cancelled", [cancellation()]);
  outbox.wake();
  await outbox[Symbol.asyncDispose]();
  const left = await kept();
  await commit("batch.cancelled", [cancellation()]);
  outbox.wake();
  await bus.check();
  assert.equal(await kept(), left + 1);
  await db.deleteFrom("ingest.outbox").execute();
});
