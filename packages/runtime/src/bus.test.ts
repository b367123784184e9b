import assert from "node:assert/strict";
import { test } from "node:test";

import { requireVersion } from "./bus.ts";
import { ConfigError } from "./config.ts";

test("takes nats-server 2.12 and whatever comes later", () => {
  for (const version of ["2.12.0", "2.12.7", "2.15.1", "2.100.0", "3.0.0", "2.14.0-RC.1"]) {
    requireVersion(version);
  }
});

test("refuses an older server by its version, and one that does not say", () => {
  for (const version of ["2.11.9", "2.9.10", "1.99.0", "0.0.0", "", "unknown"]) {
    assert.throws(
      () => requireVersion(version),
      (error) =>
        error instanceof ConfigError &&
        error.message.startsWith(`NATS_URL leads to nats-server ${version}; 2.12`),
      version,
    );
  }
});
