import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { pathToFileURL } from "node:url";

import {
  batchCancelled,
  batchUploaded,
  type EventContract,
  uuidOfBatchId,
  webhookRetry,
} from "@valify/contracts";
import { createPool } from "@valify/database";
import { createTestDatabase, type TestDatabase } from "@valify/database/testing";
import { type Bus, connectBus } from "@valify/runtime";
import { freePort, startTestNats, type TestNats } from "@valify/runtime/testing";
import { z } from "zod";

import { DEFAULT_TENANT_ID } from "./bootstrap.ts";
import { API_KEY, AUTH, formOf, requireEnv, silentLog } from "./test-support.ts";

// Goal: the service as a process does what the app does in parts: it tells JetStream, it logs
// without personal data, and it stops cleanly.
// Method: real Postgres and NATS; names that occur nowhere else stand in for people.
const CANARY_CSV = "first_name,last_name,dob\nZyxcanary,Qwvcanary,15/03/1990\n";
const CANARY_REFUSED = "Zyxcanary,Qwvcanary,15/03/1990\n";

let database: TestDatabase;
let nats: TestNats;
let bus: Bus;
let folder: string;
before(async () => {
  database = await createTestDatabase(requireEnv("TEST_DATABASE_URL"));
  nats = await startTestNats(requireEnv("TEST_NATS_SERVER_BIN"));
  bus = await connectBus({ url: nats.url, service: "test", log: silentLog() });
  folder = await mkdtemp(join(tmpdir(), "valify-ingest-"));
});
after(async () => {
  await bus[Symbol.asyncDispose]();
  await nats[Symbol.asyncDispose]();
  await database[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

interface Service extends AsyncDisposable {
  readonly url: string;
  readonly child: ChildProcess;
  readonly output: () => string;
}

async function startService(env: Record<string, string> = {}): Promise<Service> {
  const port = await freePort();
  const child = spawn(process.execPath, [join(import.meta.dirname, "main.ts")], {
    env: {
      DATABASE_URL: database.url,
      NATS_URL: nats.url,
      OBJECT_STORE_URL: pathToFileURL(folder).href,
      SECRET_KEY: "k".repeat(32),
      BOOTSTRAP_API_KEY: API_KEY,
      PORT: String(port),
      ...env,
    },
  });
  let output = "";
  child.stdout.on("data", (bytes: Buffer) => (output += bytes.toString()));
  child.stderr.on("data", (bytes: Buffer) => (output += bytes.toString()));
  return {
    url: `http://127.0.0.1:${port}`,
    child,
    output: () => output,
    async [Symbol.asyncDispose]() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill("SIGKILL");
      await once(child, "exit");
    },
  };
}

async function eventually<T>(what: string, probe: () => Promise<T | undefined>): Promise<T> {
  const deadline = Date.now() + 20_000;
  for (;;) {
    const found = await probe().catch(() => undefined);
    if (found !== undefined) return found;
    assert.ok(Date.now() < deadline, `no ${what} within 20 s`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

const whenHealthy = (service: Service) =>
  eventually("healthy service", async () => {
    const { ok } = await fetch(`${service.url}/health`);
    return ok || undefined;
  });

const answer = z.object({ batch_id: z.string().optional() });

async function post(url: string, bytes?: string) {
  const form = bytes === undefined ? undefined : formOf({ bytes, filename: "Zyxcanary.csv" });
  const response = await fetch(url, {
    method: "POST",
    headers: { ...AUTH, ...form?.headers },
    ...(form === undefined ? {} : { body: form.payload }),
  });
  const { batch_id: batchId = "" } = answer.parse(await response.json());
  return { status: response.status, batchId };
}

/** Everything that the stream holds under a subject, read by the server's own API. */
async function published<Event extends object>({ stream, subject, schema }: EventContract<Event>) {
  const found: Event[] = [];
  for (let seq = 1; ; seq += 1) {
    const query = JSON.stringify({ seq, next_by_subj: subject });
    const reply = await bus.connection.request(`$JS.API.STREAM.MSG.GET.${stream}`, query);
    const { message } = reply.json<{ message?: { seq: number; data: string } }>();
    if (message === undefined) return found;
    seq = message.seq;
    found.push(schema.parse(JSON.parse(Buffer.from(message.data, "base64").toString())));
  }
}

test("announces an upload, a cancellation and a replay, and logs nobody's name", async () => {
  await using service = await startService();
  await whenHealthy(service);
  const { status, batchId } = await post(
    `${service.url}/upload_batch?on_duplicate=allow`,
    CANARY_CSV,
  );
  assert.equal(status, 202);
  const uploaded = await eventually("batch.uploaded", async () =>
    (await published(batchUploaded)).find((event) => event.batch_id === batchId),
  );
  assert.equal(uploaded.total_leads, 1);
  assert.equal(uploaded.tenant_id, DEFAULT_TENANT_ID);

  const deliveryId = await addExhaustedDelivery(batchId);
  const retry = await post(`${service.url}/webhook_retry/${batchId}`);
  assert.equal(retry.status, 202);
  const [replay] = await published(webhookRetry);
  assert.deepEqual([replay?.id, replay?.kind, replay?.round], [deliveryId, 3, 5]);

  await post(`${service.url}/batches/${batchId}/cancel`);
  await eventually("batch.cancelled", async () =>
    (await published(batchCancelled)).find((event) => event.batch_id === batchId),
  );
  const refused = await post(`${service.url}/upload_batch`, CANARY_REFUSED);
  assert.equal(refused.status, 422);
  await fetch(`${service.url}/batches?cursor=Zyxcanary&x=${API_KEY}`, { headers: AUTH });

  service.child.kill("SIGTERM");
  const [exitCode] = await once(service.child, "exit");
  assert.equal(exitCode, 0, service.output());
  assert.match(service.output(), /"event":"batch.accepted"/);
  assert.match(service.output(), /"event":"upload.refused"/);
  assert.doesNotMatch(service.output(), /canary|15031990|15\/03\/1990/i);
  assert.ok(!service.output().includes(API_KEY));
});

test("takes uploads while NATS is away, says so, and announces them afterwards", async () => {
  await using service = await startService();
  await whenHealthy(service);
  await nats.stop();
  const { status, batchId } = await post(
    `${service.url}/upload_batch?on_duplicate=allow`,
    CANARY_CSV,
  );
  assert.equal(status, 202);
  const unhealthy = await eventually("unhealthy answer", async () => {
    const response = await fetch(`${service.url}/health`);
    return response.status === 503 ? response.json() : undefined;
  });
  assert.deepEqual(unhealthy, {
    status: "unhealthy",
    database: "connected",
    s3: "configured",
    nats: "disconnected",
  });
  assert.equal((await fetch(`${service.url}/health/ready`)).status, 200);
  await addExhaustedDelivery(batchId);
  const retry = await post(`${service.url}/webhook_retry/${batchId}`);
  assert.equal(retry.status, 503);
  await nats.start();
  await eventually("batch.uploaded after the outage", async () =>
    (await published(batchUploaded)).find((event) => event.batch_id === batchId),
  );
});

test("waits for a database that is not there yet", async () => {
  const port = await freePort();
  const DATABASE_URL = `postgres://nobody@127.0.0.1:${port}/none`;
  await using service = await startService({ DATABASE_URL });
  await eventually("word of the wait", async () =>
    service.output().includes("database.awaited") ? true : undefined,
  );
  assert.equal(service.child.exitCode, null);
});

test("a bad variable ends it with one line that names it", async () => {
  await using service = await startService({ WEBHOOK_URL: "https://hooks.example/" });
  const [exitCode] = await once(service.child, "exit");
  assert.equal(exitCode, 1);
  assert.equal(service.output(), "ingest: WEBHOOK_SECRET is missing: WEBHOOK_URL needs it\n");
});

/** Plays the dispatcher: one delivery that failed in round 4. */
async function addExhaustedDelivery(batchId: string): Promise<string> {
  const deliveryId = randomUUID();
  const pool = createPool({ url: database.url, role: null, applicationName: "test" });
  await pool.query(
    `insert into delivery.deliveries
       (delivery_id, lead_uuid, endpoint_id, tenant_id, batch_id, state, round, wake_kind)
     values ($1, gen_random_uuid(), gen_random_uuid(), $2, $3, 'exhausted', 4, 1)`,
    [deliveryId, DEFAULT_TENANT_ID, uuidOfBatchId(batchId)],
  );
  await pool.end();
  return deliveryId;
}
