import { randomUUID } from "node:crypto";

import { batchIdOfUuid, type WebhookDue } from "@valify/contracts";
import { createDatabase, type Database } from "@valify/database";
import { createTestDatabase, requireEnv } from "@valify/database/testing";
import { createLogger, createSecretBox } from "@valify/runtime";
import { type Kysely, sql } from "kysely";

import { createEndpointAdmission } from "./endpoint-admission.ts";
import { createEndpointGate } from "./endpoint-gate.ts";
import type { HealthBoard } from "./endpoint-health-board.ts";
import { type DispatcherDatabases, openDatabases } from "./open-databases.ts";
import type { PrepareDeps } from "./prepare-deliveries.ts";

/** A database of one's own with one tenant and one cancelled and one running batch. */
export interface DispatcherFixture extends AsyncDisposable {
  /** As the dispatcher: it may not write leads or endpoints. */
  readonly databases: DispatcherDatabases;
  readonly db: Kysely<Database>;
  readonly owner: Kysely<Database>;
  readonly tenantId: string;
  readonly batchId: string;
  addEndpoint(url?: string, send?: "all" | "valid" | "invalid"): Promise<string>;
  newBatch(): Promise<string>;
  addLeads(count: number, batchId?: string): Promise<readonly string[]>;
  dueFor(id: string, wake?: Partial<WebhookDue>): WebhookDue;
  /** A dispatcher of its own, without a rate unless told; `now`: its clock. */
  dispatcher(
    ratePerSecond?: number,
    now?: () => Date,
  ): PrepareDeps & { readonly board: HealthBoard };
}

export const log = createLogger("dispatcher-test", "error");
const SECRET_KEY = "0123456789abcdef0123456789abcdef";
/** Nobody is turned away for want of room. */
const roomFor = () => ({ places: Number.POSITIVE_INFINITY, pacePerSecond: 1 });
const SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/** Of a dispatcher that is alone. Dispose it where somebody may wait. */
export const createTestGate = () =>
  createEndpointGate({
    waitMaxMs: 2_000,
    placesByDefault: 16,
    shareOf: (limit) => limit,
    now: () => performance.now(),
  });

export async function createFixture(): Promise<DispatcherFixture> {
  await using stack = new AsyncDisposableStack();
  const { url } = stack.use(await createTestDatabase(requireEnv("TEST_DATABASE_URL")));
  const applicationName = "dispatcher-test";
  const owner = stack.use(createDatabase({ url, applicationName, role: null }));
  const databases = stack.use(openDatabases(url, () => {}));
  const tenantId = randomUUID();
  await sql`insert into ingest.tenants (tenant_id, name) values (${tenantId}, 'test')`.execute(
    owner,
  );
  const batchId = await addBatch(owner, tenantId);
  const resources = stack.move();
  return {
    databases,
    db: databases.db,
    owner,
    tenantId,
    batchId,
    addEndpoint: (endpointUrl, send) => addEndpoint(owner, tenantId, endpointUrl, send),
    newBatch: () => addBatch(owner, tenantId),
    addLeads: (count, ofBatch = batchId) => addLeads(owner, tenantId, ofBatch, count),
    dueFor: (id, wake = {}) => ({
      id,
      kind: 0,
      round: 0,
      tenant_id: tenantId,
      batch_id: batchIdOfUuid(batchId),
      due_at: new Date().toISOString(),
      lane: 0,
      ...wake,
    }),
    dispatcher: (defaultRatePerSecond = 0, now = () => new Date()) => {
      const admission = createEndpointAdmission({ databases, now, log, onDisabled: () => {} });
      return { ...databases, ...admission, now, defaultRatePerSecond, roomFor };
    },
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

export async function addBatch(owner: Kysely<Database>, tenantId: string, cancelled = false) {
  const batchId = randomUUID();
  await sql`
    insert into ingest.batches (batch_id, tenant_id, filename, object_key, byte_count,
      content_sha256, encoding, delimiter, total_leads, warnings, as_of, webhook_delay_ms,
      cancelled_at)
    values (${batchId}, ${tenantId}, 'leads.csv', 'uploads/x', 1, '\\x00', 'utf-8', ',', 1, '[]',
      current_date, 0, ${cancelled ? new Date() : null})`.execute(owner);
  return batchId;
}

async function addEndpoint(
  owner: Kysely<Database>,
  tenantId: string,
  url = "https://hooks.example.com/",
  send = "all",
): Promise<string> {
  const sealed = createSecretBox(SECRET_KEY).seal(SECRET);
  const { rows } = await sql<{ endpointId: string }>`
    insert into ingest.endpoints (tenant_id, url, secret_encrypted, send)
    values (${tenantId}, ${url}, ${sealed}, ${send})
    returning endpoint_id as "endpointId"`.execute(owner);
  return rows[0]?.endpointId ?? "";
}

async function addLeads(owner: Kysely<Database>, tenantId: string, batchId: string, count: number) {
  const { rows } = await sql<{ leadUuid: string }>`
    insert into validation.leads (lead_uuid, batch_id, row_number, line_number, tenant_id, lead_id,
      slug_version, first_name, last_name, dob, status, errors, warnings, validated_at,
      webhook_scheduled_for)
    select gen_random_uuid(), ${batchId}::uuid, i, i + 1, ${tenantId}::uuid, 'ada.test.01011990', 1,
      'Ada', 'Test', '01/01/1990', 'valid', '[]', '[]', now(), now()
    from generate_series(1, ${count}) as s (i)
    returning lead_uuid as "leadUuid"`.execute(owner);
  return rows.map(({ leadUuid }) => leadUuid);
}
