import assert from "node:assert/strict";
import { test } from "node:test";

import { formatLogLine, levelOf } from "./log-line.ts";

const plain = { colours: false };
const handled = JSON.stringify({
  level: "info",
  time: "2026-11-22T12:03:04.123Z",
  service: "validator",
  subject: "batch.uploaded",
  attempt: 1,
  event: "message.handled",
});

test("a service's JSON line becomes time, name, level, event and its fields", () => {
  assert.equal(
    formatLogLine("validator", handled, plain),
    "12:03:04.123 validator  info  message.handled  subject=batch.uploaded attempt=1",
  );
});

test("a value with blanks is quoted, an error shows its code and message", () => {
  const line = JSON.stringify({
    level: "warn",
    time: "2026-11-22T12:03:04.123Z",
    event: "bus.lost",
    reason: "no route",
    err: { type: "Error", code: "ECONNREFUSED", message: "refused", stack: "Error\n    at x" },
  });
  assert.equal(
    formatLogLine("ingest", line, plain),
    '12:03:04.123 ingest     warn  bus.lost  reason="no route" err="ECONNREFUSED: refused"',
  );
});

test("an error's stack follows on its own lines", () => {
  const err = { message: "broken", stack: "Error: broken\n    at first\n    at second" };
  const line = JSON.stringify({ level: "error", time: 0, event: "service.failed", err });
  assert.equal(
    formatLogLine("ingest", line, plain),
    '00:00:00.000 ingest     error service.failed  err="broken"\n    at first\n    at second',
  );
});

test("a line that is no log record passes through behind the name", () => {
  for (const line of ["LOG:  ready", "{half a record", '{"no":"level"}', ""]) {
    assert.equal(
      formatLogLine("postgres", line, plain).trimEnd(),
      `             postgres   ${line}`.trimEnd(),
    );
  }
});

test("colours appear only when asked for", () => {
  assert.ok(formatLogLine("ingest", handled, { colours: true }).includes("\u001B["));
  assert.ok(!formatLogLine("ingest", handled, plain).includes("\u001B["));
});

test("the level is known of log records alone", () => {
  assert.equal(levelOf(handled), "info");
  assert.equal(levelOf("plain text"), undefined);
});
