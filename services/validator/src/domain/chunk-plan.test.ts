import assert from "node:assert/strict";
import { test } from "node:test";

import { planChunks } from "./chunk-plan.ts";

const table = [
  {
    name: "cuts a new file into chunks, the last one shorter",
    run: { totalRows: 7, storedRows: 0, announcedRows: 0 },
    plan: ["1-3 none", "4-6 none", "7-7 none"],
  },
  {
    name: "cuts no chunk across the points where an earlier run stopped",
    run: { totalRows: 10, storedRows: 7, announcedRows: 4 },
    plan: ["1-3 announced", "4-4 announced", "5-7 stored", "8-10 none"],
  },
  {
    name: "has nothing to judge when all rows are stored",
    run: { totalRows: 3, storedRows: 3, announcedRows: 0 },
    plan: ["1-3 stored"],
  },
  {
    name: "only loads when all rows are announced",
    run: { totalRows: 4, storedRows: 4, announcedRows: 4 },
    plan: ["1-3 announced", "4-4 announced"],
  },
];

for (const { name, run, plan } of table) {
  test(name, () => {
    const chunks = planChunks(run, 3);
    assert.deepEqual(
      chunks.map(({ firstRow, lastRow, progress }) => `${firstRow}-${lastRow} ${progress}`),
      plan,
    );
  });
}
