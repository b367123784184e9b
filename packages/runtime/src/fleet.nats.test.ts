import assert from "node:assert/strict";
import { after, test } from "node:test";

import { batchUploaded } from "@valify/contracts";
import { requireEnv } from "@valify/database/testing";

import { connectBus } from "./bus.ts";
import { answerPresence, findWorkers, readQueues } from "./fleet.ts";
import { createLogger } from "./logger.ts";
import { startTestNats } from "./testing.ts";

const stack = new AsyncDisposableStack();
after(() => stack.disposeAsync());
const nats = stack.use(await startTestNats(requireEnv("TEST_NATS_SERVER_BIN")));
const log = createLogger("ingest", "silent");
const open = async (service: string) =>
  stack.use(await connectBus({ url: nats.url, service, log }));

test("every process that is there answers, and one that has gone does not", async () => {
  const asker = await open("ingest");
  const leaver = await open("validator");
  const stayer = await open("validator");
  stack.use(answerPresence(asker, "ingest"));
  stack.use(answerPresence(stayer, "validator"));
  const leaving = answerPresence(leaver, "validator");
  // A subscription counts once the server has it.
  await Promise.all([leaver.connection.flush(), stayer.connection.flush()]);
  const workers = await findWorkers(asker);
  assert.deepEqual(
    workers.map(({ service }) => service),
    ["ingest", "validator", "validator"],
  );
  assert.equal(new Set(workers.map(({ worker_id: id }) => id)).size, 3);
  leaving[Symbol.dispose]();
  await leaver.connection.flush();
  assert.equal((await findWorkers(asker)).length, 2);
});

test("queues tell what waits for whom", async () => {
  const bus = await open("ingest");
  await bus.publish(batchUploaded, {
    batch_id: "batch_01m80nrekaf7cthw4ab7kgfnsg",
    tenant_id: "0b7c2f8e-4d1a-4e5f-9a36-c2d8e1f07b94",
    object_key: "uploads/x.csv",
    byte_count: 1,
    total_leads: 1,
    as_of: "2026-11-25",
    webhook_delay_ms: 1,
    uploaded_at: "2026-11-25T00:00:00Z",
  });
  const queues = await readQueues(bus, log);
  const validator = queues.find(({ consumer }) => consumer === "validator");
  assert.deepEqual(validator, {
    service: "validator",
    stream: "BATCH",
    consumer: "validator",
    pending: 1,
    ack_pending: 0,
    redelivered: 0,
    waiting_pulls: 0,
  });
  const services = new Set(queues.map(({ service }) => service));
  assert.ok(services.has("webhook-dispatcher") && services.has("scheduler"));
});
