import { createHash, randomUUID } from "node:crypto";

import type { Stack } from "../support/stack.ts";

/** Another tenant, and its key. */
export async function addTenant({ db }: Stack): Promise<{ tenantId: string; key: string }> {
  const tenantId = randomUUID();
  const key = `key_${randomUUID()}${randomUUID()}`;
  await db.query("insert into ingest.tenants (tenant_id, name) values ($1, 'load')", [tenantId]);
  await db.query(
    "insert into ingest.api_keys (tenant_id, name, key_hash) values ($1, 'load', $2)",
    [tenantId, createHash("sha256").update(key).digest()],
  );
  return { tenantId, key };
}
