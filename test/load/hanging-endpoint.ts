import { once } from "node:events";
import { createServer } from "node:http";

import { type ApiClient, createApiClient } from "../support/api-client.ts";
import { leadCsv } from "../support/lead-csv.ts";
import { type Stack, startStack } from "../support/stack.ts";
import { addTenant } from "./add-tenant.ts";
import { type CountingReceiver, startCountingReceiver } from "./counting-receiver.ts";
import { print, printLateness } from "./report.ts";
import { dueRows } from "./watch.ts";

const HANGING_LEADS = 10_000;
const HEALTHY_ENDPOINTS = 50;
const LEADS_PER_ENDPOINT = 40;
const HEALTHY_LEADS = HEALTHY_ENDPOINTS * LEADS_PER_ENDPOINT;
/** The healthy ones' webhooks fall due all through these seconds, from the same instant on. */
const SPREAD_MS = 20_000;
const LEAD_TIME_MS = 5_000;
const DEADLINE_MS = 180_000;

/**
 * One endpoint takes connections and never answers, with 10,000 webhooks due at one instant; fifty
 * others, each of a tenant of its own, have theirs due from that instant on. How late are these?
 */
export async function measureHangingEndpoint(): Promise<void> {
  await using healthy = await startCountingReceiver();
  await using hanging = await startHangingReceiver();
  await using stack = await startStack({
    webhookDelay: "PT24H",
    ownPostgres: "durable",
    env: { WEBHOOK_URL: hanging.url },
  });
  const clients: ApiClient[] = [];
  while (clients.length < HEALTHY_ENDPOINTS) clients.push(await addCustomer(stack, healthy.url));
  await deliver(stack, clients, healthy, 0); // cold processes first
  const without = await deliver(stack, clients, healthy, 0);
  printLateness("hanging_endpoint.without_it", without, {});
  const beside = await deliver(stack, clients, healthy, HANGING_LEADS);
  printLateness("hanging_endpoint.beside_it", beside, { p99: "<= 1000" });
  const { rows } = await stack.db.query<{ most: number }>(
    `select coalesce(max(round), 0)::int as most from delivery.deliveries
     where endpoint_id = (select endpoint_id from ingest.endpoints where url = $1)`,
    [hanging.url],
  );
  const value = rows[0]?.most ?? Number.NaN;
  print({ name: "hanging_endpoint.rounds_max", value, unit: "wake-ups", bar: null });
}

/** Returns how late each webhook of the healthy endpoints came. */
async function deliver(
  stack: Stack,
  clients: readonly ApiClient[],
  healthy: CountingReceiver,
  hangingLeads: number,
) {
  const files = clients.map((client) => client.upload(leadCsv({ valid: LEADS_PER_ENDPOINT })));
  await Promise.all(files);
  if (hangingLeads > 0) await stack.api.upload(leadCsv({ valid: hangingLeads }));
  const wanted = HEALTHY_LEADS + hangingLeads;
  await stack.waitFor(async () => (await dueRows(stack)) >= wanted, "all scheduled", DEADLINE_MS);
  const dueAtMs = await moveDueRows(stack);
  await stack.waitFor(() => healthy.count() >= HEALTHY_LEADS, "all received", DEADLINE_MS);
  return healthy.take().map(({ leadUuid, atMs }) => atMs - (dueAtMs.get(leadUuid) ?? Number.NaN));
}

/** Each healthy endpoint's rows all through the seconds after one instant, the others' at it. */
async function moveDueRows({ db }: Stack): Promise<ReadonlyMap<string, number>> {
  const { rows } = await db.query<{ id: string; dueMs: number }>(
    `with start as materialized (select clock_timestamp() + $1 * interval '1 millisecond' as at),
       wanted as (
         select l.lead_uuid, start.at + case when b.total_leads = $2
           then l.row_number * $3::float8 * interval '1 millisecond' else interval '0' end as due_at
         from start, validation.leads l join ingest.batches b using (batch_id)),
       moved as (
         update scheduling.due d set due_at = w.due_at from wanted w where w.lead_uuid = d.id)
     select lead_uuid as id, (extract(epoch from due_at) * 1000)::float8 as "dueMs" from wanted`,
    [LEAD_TIME_MS, LEADS_PER_ENDPOINT, SPREAD_MS / LEADS_PER_ENDPOINT],
  );
  return new Map(rows.map(({ id, dueMs }) => [id, dueMs]));
}

/** A tenant with an endpoint of its own at the receiver, under the secret of the default one. */
async function addCustomer(stack: Stack, url: string): Promise<ApiClient> {
  const { tenantId, key } = await addTenant(stack);
  await stack.db.query(
    `insert into ingest.endpoints (tenant_id, url, secret_encrypted)
     select $1, $2, secret_encrypted from ingest.endpoints limit 1`,
    [tenantId, url],
  );
  return createApiClient(stack.ingestUrl, key);
}

async function startHangingReceiver() {
  const server = createServer(() => {}); // takes the request and never answers
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("no port");
  return {
    url: `http://127.0.0.1:${address.port}/`,
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}
