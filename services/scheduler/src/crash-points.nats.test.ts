import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, test } from "node:test";

import { batchIdOfUuid, WakeUpKind, webhookDue, type WebhookRetry } from "@valify/contracts";
import { requireEnv } from "@valify/database/testing";
import { type Bus, connectBus } from "@valify/runtime";
import { eventually, startTestNats, type TestNats } from "@valify/runtime/testing";

import { createBrokerGuard } from "./broker-guard.ts";
import { startDueLoop } from "./due-loop.ts";
import { createMortalProcess, type Moment, type MortalProcess } from "./mortal.ts";
import { createWakeUpStore } from "./store-wake-ups.ts";
import {
  createFixture,
  eachBy,
  log,
  type SchedulerFixture,
  silentSignals,
} from "./test-fixture.ts";
import { createWebhookRetryHandler } from "./webhook-retry-handler.ts";

// Goal: whichever effect a scheduler dies at, before it or after it, its rows go out once, on time.
// Method: the real loop on a real Postgres and a real stream, in a process that dies at its n-th
// effect, for every n there is; a successor does the rest, and the stream is read.

const ROWS = 4;
const EFFECTS_MAX = 60;

const stack = new AsyncDisposableStack();
let fixture: SchedulerFixture;
let nats: TestNats;
let bus: Bus;
before(async () => {
  fixture = stack.use(await createFixture());
  nats = stack.use(await startTestNats(requireEnv("TEST_NATS_SERVER_BIN")));
  bus = stack.use(await connectBus({ url: nats.url, service: "scheduler", log }));
});
after(() => stack.disposeAsync());

/** The loop as main.ts makes it, in a process that may die. */
async function startLoop(process: MortalProcess) {
  const pool = process.pool(fixture.pool);
  const publish = (event: Parameters<typeof webhookDue.eventId>[0]) =>
    process.touch(() => bus.publish(webhookDue, event));
  const guard = createBrokerGuard({
    pool,
    brokerId: () => bus.serverId(),
    messageIdAt: (seq) => process.touch(() => bus.messageIdAt(webhookDue.stream, seq)),
    publish,
    log,
  });
  return startDueLoop({
    pool,
    leaves: fixture.leaves,
    guard,
    signals: silentSignals,
    publishEach: eachBy(publish),
    log,
    repair: async () => {},
  });
}

const immortal = () => createMortalProcess(0, "before");
const isDrained = async () => (await fixture.count("scheduling.due")) === 0;

interface RawMessage {
  readonly message?: { readonly hdrs: string; readonly time: string };
}

/** What the stream holds from this place on, asked of the server itself. */
async function stored(from: number): Promise<readonly { messageId: string; storedAtMs: number }[]> {
  const messages = [];
  for (let seq = from; ; seq += 1) {
    const { message } = await ask<RawMessage>("MSG.GET", { seq });
    if (message === undefined) return messages;
    const headers = Buffer.from(message.hdrs, "base64").toString();
    const messageId = /^Nats-Msg-Id: (.*)\r$/m.exec(headers)?.[1] ?? "";
    messages.push({ messageId, storedAtMs: Date.parse(message.time) });
  }
}

async function lastSeq(): Promise<number> {
  const info = await ask<{ state: { last_seq: number } }>("INFO", {});
  return info.state.last_seq;
}

async function ask<Reply>(what: string, question: object): Promise<Reply> {
  const subject = `$JS.API.STREAM.${what}.${webhookDue.stream}`;
  return (await bus.connection.request(subject, JSON.stringify(question))).json<Reply>();
}

/** True: the process died at this effect. */
async function dieAndRecover(effect: number, moment: Moment): Promise<boolean> {
  const firstSeq = (await lastSeq()) + 1;
  const dueMs = Date.now() + 60;
  const rows = await fixture.store(Array.from({ length: ROWS }, (_, index) => dueMs + index));
  const mortal = createMortalProcess(effect, moment);
  // Dead before the loop has begun is dead as well.
  const loop = await startLoop(mortal).catch(() => undefined);
  await eventually(
    async () => !mortal.isAlive() || (await isDrained()),
    "a death or an empty table",
  );
  await loop?.[Symbol.asyncDispose]();
  await using _ = await startLoop(immortal());
  await eventually(isDrained, `an empty table after a death ${moment} effect ${effect}`);

  const what = `${moment} effect ${effect}`;
  const messages = await stored(firstSeq);
  const wanted = rows.map((row) => `${row.id}:0:webhook.due`).toSorted();
  assert.deepEqual(messages.map(({ messageId }) => messageId).toSorted(), wanted, what);
  for (const { messageId, storedAtMs } of messages) {
    const row = rows.find(({ id }) => messageId.startsWith(id));
    assert.ok(row !== undefined && storedAtMs >= Date.parse(row.dueAt), `${what}: early`);
  }
  return !mortal.isAlive();
}

for (const moment of ["before", "after"] as const) {
  test(`a scheduler that dies ${moment} any of its effects loses and doubles nothing`, async (t) => {
    let effect = 1;
    while (effect <= EFFECTS_MAX && (await dieAndRecover(effect, moment))) effect += 1;
    // Clock, guard, probe, begin, claim, each publish, commit: fewer, and the test kills nobody.
    assert.ok(effect > ROWS + 5, `only ${effect - 1} effects`);
    assert.ok(effect <= EFFECTS_MAX, "it ends");
    t.diagnostic(`${effect - 1} effects`);
  });
}

function retryAt(notBeforeMs: number): WebhookRetry {
  return {
    id: randomUUID(),
    kind: WakeUpKind.retry,
    round: 3,
    tenant_id: randomUUID(),
    batch_id: batchIdOfUuid(randomUUID()),
    not_before: new Date(notBeforeMs).toISOString(),
  };
}

/** What a delivery of the message does in a process that dies at its only effect, or does not. */
async function deliver(event: WebhookRetry, process: MortalProcess): Promise<void> {
  const store = createWakeUpStore({ ...fixture, onStored: () => {} });
  const handle = createWebhookRetryHandler((row) => process.touch(() => store.add(row)));
  await handle(event);
}

for (const moment of ["before", "after"] as const) {
  test(`an inserter that dies ${moment} its commit, and its message comes back: one event`, async () => {
    const firstSeq = (await lastSeq()) + 1;
    const event = retryAt(Date.now() + 400);
    await assert.rejects(deliver(event, createMortalProcess(1, moment)), /killed/);
    assert.equal(await fixture.count("scheduling.due"), moment === "before" ? 0 : 1);
    await deliver(event, immortal());
    assert.equal(await fixture.count("scheduling.due"), 1);
    await using _ = await startLoop(immortal());
    await eventually(isDrained, "an empty table");
    const wanted = [`${event.id}:3:webhook.due`];
    assert.deepEqual(
      (await stored(firstSeq)).map(({ messageId }) => messageId),
      wanted,
    );
    // Not acknowledged until now: the row is gone, so it is stored again, and the stream drops it.
    await deliver(event, immortal());
    assert.equal(await fixture.count("scheduling.due"), 1);
    await eventually(isDrained, "an empty table");
    assert.deepEqual(
      (await stored(firstSeq)).map(({ messageId }) => messageId),
      wanted,
    );
  });
}
