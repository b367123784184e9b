import { setTimeout as pause } from "node:timers/promises";

import { Pool } from "pg";

import { leadCsv } from "../support/lead-csv.ts";
import { type Stack, startStack } from "../support/stack.ts";
import { percentile, print } from "./report.ts";

const LEADS_PER_FILE = 10_000;
const FILES = 12;
const CLIENTS = 4;
const PAUSE_MS = 20;
const ONLOOKER_PAUSE_MS = 250;
const QUERIES = 2_000;

/**
 * What people and programs wait for while files are validated and webhooks go out: the status and
 * the list of batches, the webhooks of a full batch, the deliveries. And what the tenant's transaction
 * around each query costs on its own, awaited step by step and sent in one go.
 */
export async function measureRoutes(): Promise<void> {
  await using stack = await startStack({ webhookDelay: "PT2S", ownPostgres: "durable" });
  const first = await stack.api.upload(leadCsv({ valid: LEADS_PER_FILE }));
  await stack.waitForStatus(first.batch_id, "completed", 60_000);
  await printTransactionCost(stack);

  const load = uploadAll(stack);
  const ended = new AbortController();
  void load.finally(() => ended.abort());
  const times = new Map<string, number[]>();
  const ask = async (path: string, name: string) => {
    const startMs = performance.now();
    const response = await stack.api.request("GET", path);
    await response.arrayBuffer();
    if (response.status !== 200) throw new Error(`${path}: ${response.status}`);
    const ofName = times.get(name) ?? [];
    ofName.push(performance.now() - startMs);
    times.set(name, ofName);
  };
  const client = async () => {
    while (!ended.signal.aborted) {
      await ask(`/batch_status/${first.batch_id}`, "status");
      await ask("/batches?limit=50", "list");
      await pause(PAUSE_MS);
    }
  };
  // As a page that somebody has open; the first counts all of a batch's leads each time.
  const onlooker = async () => {
    while (!ended.signal.aborted) {
      await ask(`/webhook_status/${first.batch_id}`, "webhook_status");
      await ask("/deliveries", "deliveries");
      await pause(ONLOOKER_PAUSE_MS);
    }
  };
  await Promise.all([load, onlooker(), ...Array.from({ length: CLIENTS }, client)]);
  for (const [name, values] of times) {
    for (const share of [0.5, 0.95]) {
      const bar = share === 0.95 ? "<= 50" : null;
      const value = percentile(values, share);
      print({ name: `routes.${name}.under_load.p${share * 100}`, value, unit: "ms", bar });
    }
  }
}

async function uploadAll(stack: Stack): Promise<void> {
  for (let index = 1; index <= FILES; index += 1) {
    const file = leadCsv({ valid: LEADS_PER_FILE, from: index * LEADS_PER_FILE });
    const { batch_id: batchId } = await stack.api.upload(file);
    await stack.waitForStatus(batchId, "completed", 60_000);
  }
}

/** The status query as it would be without row-level security, and as ingest asks it. */
async function printTransactionCost({ databaseUrl, db }: Stack): Promise<void> {
  const { rows } = await db.query("select tenant_id from ingest.batches limit 1");
  const tenantId: unknown = rows[0].tenant_id;
  const query =
    "select b.*, r.* from ingest.batches b left join validation.runs r using (batch_id) where b.tenant_id = $1 limit 1";
  const owner = await connectAs(databaseUrl, null);
  const ingest = await connectAs(databaseUrl, "valify_ingest");
  const plain = await timesOf(() => owner.client.query(query, [tenantId]));
  const walled = await timesOf(async () => {
    await ingest.client.query("begin");
    await ingest.client.query("select set_config('valify.tenant', $1, true)", [tenantId]);
    await ingest.client.query(query, [tenantId]);
    await ingest.client.query("commit");
  });
  const piped = await connectAs(databaseUrl, "valify_ingest", true);
  const opening = `begin read only; select set_config('valify.tenant', '${String(tenantId)}', true)`;
  const pipelined = await timesOf(() =>
    Promise.all([
      piped.client.query(opening),
      piped.client.query(query, [tenantId]),
      piped.client.query("commit"),
    ]),
  );
  for (const { end } of [owner, ingest, piped]) await end();
  const figure = { unit: "ms", bar: null };
  print({ name: "routes.query.plain.p50", value: percentile(plain, 0.5), ...figure });
  print({ name: "routes.query.in_tenant.p50", value: percentile(walled, 0.5), ...figure });
  print({ name: "routes.query.in_tenant.p95", value: percentile(walled, 0.95), ...figure });
  print({ name: "routes.query.read_in_tenant.p50", value: percentile(pipelined, 0.5), ...figure });
  print({ name: "routes.query.read_in_tenant.p95", value: percentile(pipelined, 0.95), ...figure });
}

async function connectAs(url: string, role: string | null, pipeline = false) {
  const options = role === null ? {} : { options: `-c role=${role}` };
  const pool = new Pool({ connectionString: url, max: 1, pipeline, ...options });
  const client = await pool.connect();
  const end = async () => {
    client.release();
    await pool.end();
  };
  return { client, end };
}

async function timesOf(work: () => Promise<unknown>): Promise<readonly number[]> {
  const times: number[] = [];
  for (let count = 0; count < QUERIES; count += 1) {
    const startMs = performance.now();
    await work();
    times.push(performance.now() - startMs);
  }
  return times;
}
