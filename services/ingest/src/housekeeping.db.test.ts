import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { housekeepingJobs } from "./housekeeping.ts";
import { createTestApp, type TestApp } from "./test-support.ts";

let t: TestApp;
before(async () => {
  t = await createTestApp();
});
after(() => t[Symbol.asyncDispose]());

async function run(name: string) {
  const job = housekeepingJobs(t).find((candidate) => candidate.name === name);
  assert.ok(job !== undefined, name);
  return job.run({ now: new Date(), signal: new AbortController().signal });
}

test("sessions that ended are deleted, others stay", async () => {
  await t.owner.query(`
    insert into ingest.sessions (session_hash, tenant_id, api_key_id, expires_at)
    select decode(md5(minutes || api_key_id::text), 'hex'), tenant_id, api_key_id,
      now() + minutes * interval '1 minute'
    from ingest.api_keys cross join (values (-60), (-1), (60)) as m (minutes)`);
  const countBefore = await sessionCount();
  const did = await run("expired_sessions");
  const ended = (countBefore / 3) * 2;
  assert.deepEqual(did, { deleted: ended });
  assert.equal(await sessionCount(), countBefore - ended);
});

async function sessionCount(): Promise<number> {
  const { rows } = await t.owner.query<{ count: number }>(
    "select count(*)::int as count from ingest.sessions",
  );
  return rows[0]?.count ?? 0;
}
