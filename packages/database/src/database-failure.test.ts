import assert from "node:assert/strict";
import { test } from "node:test";

import { isDatabaseAway } from "./database-failure.ts";

const coded = (code: string) => Object.assign(new Error("refused"), { code });

for (const [what, error, isAway] of [
  ["a refused connection", coded("ECONNREFUSED"), true],
  ["a shutdown of the server", coded("57P01"), true],
  ["too many connections", coded("53300"), true],
  ["a broken connection", new Error("Connection terminated unexpectedly"), true],
  ["a full pool", new Error("timeout exceeded when trying to connect"), true],
  ["a missing table", coded("42P01"), false],
  ["a mistake of ours", new TypeError("x is undefined"), false],
  ["something thrown that is no error", "ECONNREFUSED", false],
] as const) {
  test(`${what} ${isAway ? "means" : "does not mean"} that the database is away`, () => {
    assert.equal(isDatabaseAway(error), isAway);
  });
}
