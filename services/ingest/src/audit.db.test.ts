import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { sql } from "kysely";

import { recordAudit } from "./audit.ts";
import { DEFAULT_TENANT_ID } from "./bootstrap.ts";
import { inTenant } from "./tenant-scope.ts";
import { createTestApp, OTHER_TENANT_ID, type TestApp } from "./test-support.ts";

let t: TestApp;
before(async () => {
  t = await createTestApp();
});
after(() => t[Symbol.asyncDispose]());

const record = (tenantId: string, action: `test.${string}`) =>
  inTenant(t.db, tenantId, (trx) =>
    recordAudit(
      trx,
      { tenantId, kind: "system", id: null, ip: "192.0.2.7" },
      { action, objectKind: "test", objectId: "1", details: { count: 2 } },
    ),
  );

const change = (text: string) => t.owner.query(text, [OTHER_TENANT_ID]);

/** Sequence numbers whose entry is not what its hash says, or does not follow the one before. */
async function breaks(tenantId: string): Promise<readonly number[]> {
  const { rows } = await sql<{ sequence: number }>`
    select sequence from (
      select a.sequence, a.hash <> ingest.hash_of_audit_entry(a) as is_changed,
        a.previous_hash is distinct from coalesce(lag(a.hash) over w, '\\x') as is_torn,
        a.sequence <> row_number() over w as is_missing
      from ingest.audit_log as a where tenant_id = ${tenantId}
      window w as (order by sequence)) as checked
    where is_changed or is_torn or is_missing order by sequence`.execute(t.ownerDb);
  return rows.map(({ sequence }) => sequence);
}

test("entries written at once form one chain per tenant, without a gap", async () => {
  const tenants = [DEFAULT_TENANT_ID, OTHER_TENANT_ID];
  await Promise.all(
    Array.from({ length: 20 }, (_, index) => record(tenants[index % 2] ?? "", "test.raced")),
  );
  for (const tenantId of tenants) {
    const { rows } = await t.owner.query(
      "select sequence::int from ingest.audit_log where tenant_id = $1 order by sequence",
      [tenantId],
    );
    assert.deepEqual(
      rows.map(({ sequence }) => sequence),
      Array.from({ length: rows.length }, (_, index) => index + 1),
    );
    assert.ok(rows.length >= 10);
    assert.deepEqual(await breaks(tenantId), []);
  }
});

test("an entry that somebody changes or takes out breaks the chain there", async () => {
  for (let count = 0; count < 4; count += 1) await record(OTHER_TENANT_ID, "test.kept");
  await change("update ingest.audit_log set details = '{}' where tenant_id = $1 and sequence = 2");
  assert.deepEqual(await breaks(OTHER_TENANT_ID), [2]);
  await change("delete from ingest.audit_log where tenant_id = $1 and sequence = 2");
  assert.equal((await breaks(OTHER_TENANT_ID))[0], 3);
});

test("a change that is rolled back leaves no entry", async () => {
  const failing = inTenant(t.db, DEFAULT_TENANT_ID, async (trx) => {
    const actor = { tenantId: DEFAULT_TENANT_ID, kind: "system", id: null, ip: null } as const;
    const object = { objectKind: "test", objectId: null };
    await recordAudit(trx, actor, { action: "test.undone", ...object });
    throw new Error("undo");
  });
  await assert.rejects(failing, /undo/);
  const { rowCount } = await t.owner.query(
    "select 1 from ingest.audit_log where action = 'test.undone'",
  );
  assert.equal(rowCount, 0);
});
