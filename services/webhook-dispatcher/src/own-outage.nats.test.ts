import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { after, before, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";

import { type WebhookDue, webhookDue } from "@valify/contracts";
import { requireEnv } from "@valify/database/testing";
import {
  type Bus,
  connectBus,
  createAddressGuard,
  createLogger,
  createMetrics,
  createSecretBox,
  startConsumer,
} from "@valify/runtime";
import { startTestNats } from "@valify/runtime/testing";
import { sql } from "kysely";

import { announceOutcomes, type DeliveryOutcome } from "./announce-outcome.ts";
import { createConcluder } from "./conclude-deliveries.ts";
import { createDeliverWebhook } from "./deliver-webhook.ts";
import { createTenantTurns } from "./domain/tenant-turns.ts";
import { createEndpointSecrets } from "./endpoint-secrets.ts";
import { createHttpSender } from "./http-sender.ts";
import { createPreparer } from "./prepare-deliveries.ts";
import { createOutcomeRecorder } from "./record-outcomes.ts";
import { createFixture, createTestGate, type DispatcherFixture } from "./test-fixture.ts";
import { createWebhookDueHandler } from "./webhook-due-handler.ts";

// Goal: an hour without our own database or broker costs no customer an attempt, reaches no dead
// letter, and blames no endpoint.
// Method: the real consumer on a real server; the database is taken away from under its statements
// before a claim, and between a request and its record; the broker between record and announcement.
// The clock is a variable: the hour passes at once.

const HOUR_MS = 3_600_000;
const log = createLogger("test", "fatal");
const undo = new AsyncDisposableStack();
after(() => undo.disposeAsync());

let clockMs = Date.now();
let away = false;
let fixture: DispatcherFixture;
let bus: Bus;
let onRequest = async () => {};
const webhookIds: string[] = [];

before(async () => {
  fixture = undo.use(await createFixture());
  const nats = undo.use(await startTestNats(requireEnv("TEST_NATS_SERVER_BIN")));
  bus = undo.use(await connectBus({ url: nats.url, service: "webhook-dispatcher", log }));
  const server = createServer((request, response) => {
    webhookIds.push(String(request.headers["webhook-id"]));
    request.resume().on("end", () => void onRequest().then(() => response.end()));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  undo.defer(() => {
    server.close().closeAllConnections();
  });
  const address = server.address();
  assert.ok(typeof address === "object" && address !== null);
  await fixture.addEndpoint(`http://127.0.0.1:${address.port}/`);
  undo.use(await startDispatcher());
});

const now = () => new Date(clockMs);

async function startDispatcher() {
  const clock = {
    nowMs: () => clockMs,
    pause: async (durationMs: number) => {
      clockMs += durationMs;
      await pause(1);
    },
  };
  const guard = createAddressGuard({ allowedCidrs: ["127.0.0.0/8"], allowHttp: true });
  const sender = undo.use(createHttpSender({ guard }));
  const dispatcher = fixture.dispatcher(0, now);
  const publishAll: Bus["publishAll"] = async (contract, events) => {
    if (brokerAway) throw new Error("the broker is away");
    return bus.publishAll(contract, events);
  };
  const announce = (outcomes: readonly DeliveryOutcome[]) =>
    announceOutcomes({ publishAll }, outcomes);
  const recorder = createOutcomeRecorder(fixture.db, log, clock);
  const { board } = dispatcher;
  const conclude = createConcluder(
    { board, recorder, announce, onDeferral: () => {}, observe: () => {}, log, now },
    [60_000],
  );
  const deliver = createDeliverWebhook(
    {
      gate: createTestGate(),
      turnLater: async () => 5_000,
      board,
      sender,
      secretsOf: createEndpointSecrets(createSecretBox("0123456789abcdef0123456789abcdef")),
      conclude,
      now,
    },
    { userAgent: "valify-batch/test" },
  );
  const deps = { bus, log, metrics: createMetrics("test", "0"), isReady: async () => !away };
  return startConsumer(deps, {
    durable: "dispatcher",
    event: webhookDue,
    concurrency: 20,
    handle: createWebhookDueHandler({
      turns: createTenantTurns(100),
      prepare: createPreparer(dispatcher),
      deliver,
      announce,
    }),
  });
}

let brokerAway = false;

/** Every statement of the dispatcher fails from here on. */
async function takeDatabase(): Promise<void> {
  away = true;
  await sql`alter schema delivery rename to delivery_away`.execute(fixture.owner);
  // A connection that has planned its statements would still find the tables.
  await sql`select pg_terminate_backend(pid) from pg_stat_activity
    where datname = current_database()
      and application_name like 'valify-webhook-dispatcher%'`.execute(fixture.owner);
}

/** An hour later, for the leases too. */
async function giveBack(): Promise<void> {
  clockMs += HOUR_MS;
  await sql`alter schema delivery_away rename to delivery`.execute(fixture.owner);
  await sql`update delivery.deliveries set lease_until = lease_until - interval '1 hour'`.execute(
    fixture.owner,
  );
  away = false;
}

async function leads(count: number): Promise<readonly WebhookDue[]> {
  return (await fixture.addLeads(count, await fixture.newBatch())).map((id) => fixture.dueFor(id));
}

async function until(condition: () => Promise<boolean>, what: string): Promise<void> {
  const deadlineMs = Date.now() + 30_000;
  while (!(await condition())) {
    if (Date.now() > deadlineMs) throw new Error(`timed out: ${what}`);
    await pause(20);
  }
}

interface JetStreamInfo {
  readonly num_pending?: number;
  readonly num_ack_pending?: number;
  readonly state?: { readonly messages: number; readonly subjects?: Record<string, number> };
}

async function ask(api: string, body: object = {}): Promise<JetStreamInfo> {
  const reply = await bus.connection.request(`$JS.API.${api}`, JSON.stringify(body));
  return reply.json<JetStreamInfo>();
}

async function countOf(state: string): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(*)::int as count from delivery.deliveries where state = ${state}`.execute(
    fixture.db,
  );
  return rows[0]?.count ?? 0;
}

test("an hour's outage of our own spends no attempt, blames nobody and loses nothing", async () => {
  // Between a request and its record: the answer comes when the database is gone.
  let isFirst = true;
  onRequest = async () => {
    if (!isFirst) return;
    isFirst = false;
    await takeDatabase();
  };
  const [sent, ...unclaimed] = await leads(6);
  assert.ok(sent !== undefined);
  await bus.publish(webhookDue, sent);
  await until(async () => away, "the outage");
  await bus.publishAll(webhookDue, unclaimed); // before their claim
  const startMs = clockMs;
  let lastMs = clockMs;
  await until(async () => {
    await pause(100);
    const stands = clockMs === lastMs && clockMs - startMs > 25_000;
    lastMs = clockMs;
    return stands;
  }, "the patience of the recorder to end");
  await giveBack();
  await until(async () => (await countOf("delivered")) === 6, "all delivered");

  // Between a record and its announcement.
  brokerAway = true;
  away = true;
  const [last] = await leads(1);
  assert.ok(last !== undefined);
  await bus.publish(webhookDue, last);
  await until(async () => (await countOf("delivered")) === 7, "the seventh recorded");
  clockMs += HOUR_MS;
  [brokerAway, away] = [false, false];

  await until(async () => {
    const info = await ask("CONSUMER.INFO.WEBHOOKS.dispatcher");
    return info.num_pending === 0 && info.num_ack_pending === 0;
  }, "every wake-up answered");
  const rows = await fixture.db
    .selectFrom("delivery.deliveries")
    .select(["attempts", "cycle_attempts", "round"])
    .execute();
  for (const row of rows) assert.deepEqual(row, { attempts: 1, cycle_attempts: 1, round: 0 });
  assert.equal(webhookIds.length, 8, "one request twice: its record was lost with the lease");
  assert.equal(new Set(webhookIds).size, 7);
  const health = await fixture.db.selectFrom("delivery.endpoint_health").selectAll().execute();
  assert.deepEqual(health, []);
  assert.equal((await ask("STREAM.INFO.DLQ")).state?.messages, 0);
  const stored = await ask("STREAM.INFO.WEBHOOKS", { subjects_filter: "webhook.delivered" });
  assert.equal(stored.state?.subjects?.["webhook.delivered"], 7);
});
