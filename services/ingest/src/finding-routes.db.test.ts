import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { uuidOfBatchId } from "@valify/contracts";
import type { FindingPage } from "@valify/contracts/api";
import { templateCsv } from "@valify/lead-file";

import { DEFAULT_TENANT_ID } from "./bootstrap.ts";
import {
  AUTH,
  codeOf,
  createTestApp,
  OTHER_AUTH,
  type TestApp,
  uploadedBatch,
} from "./test-support.ts";

let t: TestApp;
before(async () => {
  t = await createTestApp();
});
after(() => t[Symbol.asyncDispose]());

const finding = (code: string, field: string, severity?: string) => ({
  code,
  field,
  message: `${code} it is`,
  ...(severity === undefined ? {} : { severity }),
});

/** Three leads: two findings, none, and one of before findings carried a severity. */
async function batchWithFindings(): Promise<string> {
  const { batchId } = await uploadedBatch(t.app);
  const rows = [
    [
      1,
      [finding("DOB_NOT_REAL", "dob", "error")],
      [finding("NAME_DIGITS", "first_name", "warning"), finding("DOB_PLACEHOLDER", "dob", "info")],
    ],
    [2, [], []],
    [3, [finding("DOB_NOT_REAL", "dob")], [finding("NAME_TITLE", "last_name")]],
    [4, [finding("ROW_TOO_FEW_CELLS", "row", "error")], []],
  ] as const;
  for (const [row, errors, warnings] of rows) {
    await t.owner.query(
      `insert into validation.leads (lead_uuid, batch_id, row_number, line_number, tenant_id, lead_id,
         slug_version, first_name, last_name, dob, status, errors, warnings, validated_at,
         webhook_scheduled_for)
       values (gen_random_uuid(), $1, $2, $2 + 1, $3, 'a.b.00000000', 1, 'Ada' || $2, 'Marsh',
         '31/02/1990', 'invalid', $4, $5, now(), now())`,
      [
        uuidOfBatchId(batchId),
        row,
        DEFAULT_TENANT_ID,
        JSON.stringify(errors),
        JSON.stringify(warnings),
      ],
    );
  }
  return batchId;
}

const ask = (batchId: string, query = "", headers: Record<string, string> = AUTH) =>
  t.app.inject({ url: `/batches/${batchId}/findings?${query}`, headers });
const placesOf = ({ findings }: FindingPage) => findings.map(({ row, code }) => `${row} ${code}`);

test("findings come in row order with their place, their value and counts by code", async () => {
  const batchId = await batchWithFindings();
  const page = (await ask(batchId)).json<FindingPage>();
  assert.deepEqual(placesOf(page), [
    "1 DOB_NOT_REAL",
    "1 NAME_DIGITS",
    "1 DOB_PLACEHOLDER",
    "3 DOB_NOT_REAL",
    "3 NAME_TITLE",
    "4 ROW_TOO_FEW_CELLS",
  ]);
  assert.deepEqual(page.findings[0], {
    row: 1,
    line: 2,
    field: "dob",
    code: "DOB_NOT_REAL",
    severity: "error",
    message: "DOB_NOT_REAL it is",
    value: "31/02/1990",
  });
  const severities = page.findings.map(({ severity, value }) => [severity, value]);
  assert.deepEqual(severities.slice(1), [
    ["warning", "Ada1"],
    ["info", "31/02/1990"],
    ["error", "31/02/1990"],
    ["warning", "Marsh"],
    ["error", null],
  ]);
  assert.deepEqual(page.counts[0], { code: "DOB_NOT_REAL", severity: "error", count: 2 });
  assert.equal(page.counts.length, 5);
  assert.equal(page.next_cursor, null);
});

test("pages join up without a gap, also within one row, under every filter", async () => {
  const batchId = await batchWithFindings();
  for (const [filter, count] of [
    ["", 6],
    ["&code=DOB_NOT_REAL", 2],
    ["&severity=warning", 2],
    ["&code=NOTHING", 0],
  ] as const) {
    const whole = (await ask(batchId, `limit=1000${filter}`)).json<FindingPage>();
    assert.equal(whole.findings.length, count, filter);
    const joined: string[] = [];
    let cursor: string | null = "";
    while (cursor !== null) {
      const place = cursor === "" ? "" : `&cursor=${cursor}`;
      const page: FindingPage = (await ask(batchId, `limit=1${filter}${place}`)).json();
      joined.push(...placesOf(page));
      assert.equal(page.counts.length, 5, "counts are the batch's, whatever is asked for");
      cursor = page.next_cursor;
    }
    assert.deepEqual(joined, placesOf(whole));
  }
});

test("another tenant's batch has no findings, nor has one that is none", async () => {
  const batchId = await batchWithFindings();
  for (const response of [await ask(batchId, "", OTHER_AUTH), await ask("batch_none")]) {
    assert.deepEqual([response.statusCode, codeOf(response)], [404, "BATCH_NOT_FOUND"]);
  }
  const response = await ask(batchId, "cursor=nonsense");
  assert.deepEqual([response.statusCode, codeOf(response)], [400, "CURSOR_INVALID"]);
});

test("who pages through the findings is on record once, every other caller too", async () => {
  const batchId = await batchWithFindings();
  const { next_cursor: cursor } = (await ask(batchId, "limit=2")).json<FindingPage>();
  await ask(batchId, `limit=2&cursor=${cursor}`);
  await t.app.inject({
    url: `/batches/${batchId}/findings`,
    headers: AUTH,
    remoteAddress: "192.0.2.9",
  });
  const { rows } = await t.owner.query(
    `select host(ip) as ip, action, object_kind, details from ingest.audit_log
     where object_id = $1 and action like 'findings.%' order by sequence`,
    [batchId],
  );
  const entry = { action: "findings.read", object_kind: "batch", details: {} };
  assert.deepEqual(rows, [
    { ip: "127.0.0.1", ...entry },
    { ip: "192.0.2.9", ...entry },
  ]);
});

test("what cannot be put on record is not shown", async () => {
  const batchId = await batchWithFindings();
  await t.owner.query("revoke insert on ingest.audit_log from valify_ingest");
  const response = await ask(batchId);
  await t.owner.query("grant insert on ingest.audit_log to valify_ingest");
  assert.equal(response.statusCode, 500);
  assert.doesNotMatch(response.body, /Ada1|Marsh/);
  assert.equal((await ask(batchId)).statusCode, 200);
});

test("the template can be downloaded", async () => {
  const response = await t.app.inject({ url: "/template.csv", headers: AUTH });
  assert.equal(response.statusCode, 200);
  assert.equal(response.body, templateCsv);
  assert.match(String(response.headers["content-disposition"]), /leads-template\.csv/);
});
