import assert from "node:assert/strict";
import { test } from "node:test";

import { addCounts, countRows, totalOf } from "./lead-record.ts";

test("counts rows by status, and every row once", () => {
  const statuses = ["valid", "skipped", "valid", "invalid"] as const;
  const counts = countRows(statuses.map((status) => ({ status })));
  assert.deepEqual(counts, { valid: 2, invalid: 1, skipped: 1 });
  const sum = addCounts(counts, { valid: 1, invalid: 2, skipped: 3 });
  assert.deepEqual(sum, { valid: 3, invalid: 3, skipped: 4 });
  assert.equal(totalOf(sum), 10);
});
