import assert from "node:assert/strict";
import { test } from "node:test";

import { databaseNowUs } from "./database-clock.ts";

test("the database's time goes on with the monotonic clock from the moment its answer arrived", () => {
  const reading = { databaseUs: 1_000_000, receivedMs: 50 };
  assert.equal(databaseNowUs(reading, 50), 1_000_000);
  assert.equal(databaseNowUs(reading, 52.5), 1_002_500);
});
