import assert from "node:assert/strict";
import { test } from "node:test";

import { batchIdOfUuid } from "@valify/contracts";

import { createLogger } from "./logger.ts";

function recorder(level = "debug") {
  const lines: string[] = [];
  const log = createLogger("validator", level, { write: (line) => void lines.push(line) });
  return { log, lines, text: () => lines.join("") };
}

test("a line is JSON with time, level, service and event", () => {
  const { log, lines } = recorder();
  log.info({ batchId: "batch_x", validLeads: 3 }, "batch.completed");
  const { time, ...rest } = JSON.parse(lines[0] ?? "");
  assert.match(time, /^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
  assert.deepEqual(rest, {
    level: "info",
    service: "validator",
    batchId: "batch_x",
    validLeads: 3,
    event: "batch.completed",
  });
});

test("a line that names a batch says its trace, and no other line does", () => {
  const { log, lines } = recorder();
  log.info({ batchId: batchIdOfUuid("018f3b1e-0000-7000-8000-00000000beef") }, "batch.accepted");
  log.info({ batchId: "018f3b1e-0000-7000-8000-00000000beef" }, "batch.accepted");
  log.info({}, "service.started");
  const traces = lines.map((line) => JSON.parse(line).trace_id);
  assert.deepEqual(traces, ["018f3b1e00007000800000000000beef", undefined, undefined]);
});

test("says nothing below its level", () => {
  const { log, lines } = recorder("warn");
  log.info("service.started");
  log.warn("bus.disconnected");
  assert.equal(lines.length, 1);
});

test("a personal or secret field never shows, however deep it sits", () => {
  const { log, text } = recorder();
  const names = ["first_name", "last_name", "firstName", "lastName", "dob", "leadId", "lead_id"];
  for (const name of [...names, "secret", "password", "authorization", "cookie", "apiKey"]) {
    const canary = { [name]: "CANARY" };
    log.info(canary, "top");
    log.info({ lead: canary }, "one deep");
    log.info({ leads: [canary, canary] }, "in a list");
    log.info({ batch: { lead: { names: canary } } }, "three deep");
    log.info({ a: { b: { c: { d: { e: { f: { g: canary } } } } } } }, "too deep");
    log.info({ at: new Date(0), error: Object.assign(new Error("x"), canary) }, "in an error");
  }
  assert.doesNotMatch(text(), /CANARY/);
  assert.match(text(), /"dob":"\[redacted\]"/);
});

test("leaves the logged object as it was", () => {
  const { log } = recorder();
  const fields = { lead: { first_name: "John" }, rows: [1] };
  log.info(fields, "row.read");
  assert.deepEqual(fields, { lead: { first_name: "John" }, rows: [1] });
});

test("an error shows type, code, message and stack and none of its other fields", () => {
  const { log, lines } = recorder();
  const error = Object.assign(new Error("connect failed"), {
    code: "ECONNREFUSED",
    detail: "CANARY",
    address: "CANARY",
    cause: new Error("CANARY"),
  });
  log.warn({ err: error }, "outbox.relay_failed");
  const { err } = JSON.parse(lines[0] ?? "");
  assert.deepEqual(Object.keys(err), ["type", "code", "message", "stack"]);
  assert.deepEqual([err.type, err.code, err.message], ["Error", "ECONNREFUSED", "connect failed"]);
  assert.doesNotMatch(lines[0] ?? "", /CANARY/);
});

test("an error logged without an event does not lend it its message", () => {
  const { log, text } = recorder();
  const error = Object.assign(new Error('invalid input syntax: "CANARY"'), {
    code: "22P02",
    detail: "CANARY",
  });
  log.error(error);
  log.error({ err: error });
  log.error({ error }, "named");
  assert.doesNotMatch(text(), /CANARY/);
  assert.match(text(), /"err":\{"type":"Error","code":"22P02","message":"data exception"\}/);
});

test("whatever else was thrown shows only its type", () => {
  const { log, text } = recorder();
  log.error({ err: "CANARY" }, "thrown");
  log.error({ err: { first_name: "CANARY", message: "CANARY" } }, "thrown");
  assert.doesNotMatch(text(), /CANARY/);
  assert.match(text(), /"err":\{"type":"string"\}/);
});

test("bytes show their length alone", () => {
  const { log, text } = recorder();
  log.info({ body: Buffer.from("CANARY"), keys: { hash: new Uint8Array(32) } }, "read");
  assert.match(text(), /"body":"\[6 bytes\]","keys":\{"hash":"\[32 bytes\]"\}/);
});

test("an outage is told of once a second for each cause, with how often it was met", () => {
  let nowMs = 0;
  const lines: string[] = [];
  const write = (line: string) => void lines.push(line);
  const log = createLogger("validator", "info", { write }, () => nowMs);
  const refused = Object.assign(new Error("away"), { code: "ECONNREFUSED" });
  // A minute of a hundred messages that are tried again every half second.
  const SECONDS = 60;
  for (; nowMs < SECONDS * 1_000; nowMs += 500) {
    for (let seq = 0; seq < 100; seq += 1) log.warn({ seq, err: refused }, "message.held");
    log.warn({ err: refused }, "outbox.relay_failed");
  }
  const held = lines.filter((line) => line.includes("message.held"));
  assert.equal(held.length, SECONDS);
  assert.equal(JSON.parse(held[1] ?? "").left_out, 199);
  assert.equal(lines.length, 2 * SECONDS);
  const ended = Object.assign(new Error("away"), { code: "57P01" });
  log.warn({ err: ended }, "message.held");
  log.warn({ seq: 1 }, "message.held");
  log.error({ err: ended }, "message.terminated");
  log.error({ err: ended }, "message.terminated");
  const more = lines.length - 2 * SECONDS;
  assert.equal(more, 4, "another cause, no error, and what is no warning are all told");
});
