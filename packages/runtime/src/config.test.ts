import assert from "node:assert/strict";
import { test } from "node:test";

import type { z } from "zod";

import { commonSettings, ConfigError, parseConfig, parseDurationMs, setting } from "./config.ts";

/** What one kind of setting makes of a text; undefined: refused. */
function read(kind: z.ZodType, text: string): unknown {
  try {
    return parseConfig({ VALUE: kind }, { VALUE: text }).VALUE;
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    return undefined;
  }
}

function complaint(shape: z.ZodRawShape, env: Record<string, string | undefined>): string {
  try {
    parseConfig(shape, env);
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    return error.message;
  }
  return assert.fail("nothing was refused");
}

test("reads ISO 8601 durations of days, hours, minutes and seconds", () => {
  const durations = {
    PT24H: 86_400_000,
    P1D: 86_400_000,
    P1DT30M: 88_200_000,
    PT1H2M3S: 3_723_000,
    PT5S: 5_000,
    "PT0.5S": 500,
    "PT1.234S": 1_234,
    "PT0.001S": 1,
    PT90M: 5_400_000,
    PT0S: 0,
    P0D: 0,
    P365D: 31_536_000_000,
  };
  for (const [text, ms] of Object.entries(durations)) assert.equal(parseDurationMs(text), ms, text);
});

test("refuses every other spelling of a duration", () => {
  const bad = ["", "P", "PT", "P1DT", "24H", "PT24", "PT24h", "pt24h", "P1W", "P1M", "P1Y"];
  const worse = [
    "PT-1H",
    "-PT1H",
    "PT1.5H",
    "PT1,5S",
    "PT1S1M",
    "PT1.2345S",
    " PT1S",
    "PT1S\n",
    "1",
  ];
  for (const text of [...bad, ...worse]) {
    assert.equal(parseDurationMs(text), undefined, JSON.stringify(text));
  }
});

test("each kind of setting takes what it says and nothing else", () => {
  const table: readonly (readonly [z.ZodType, string, unknown])[] = [
    [setting.text, "x", "x"],
    [setting.url(/^nats$/), "nats://127.0.0.1:4222", "nats://127.0.0.1:4222"],
    [setting.url(/^nats$/), "http://127.0.0.1", undefined],
    [setting.url(/^nats$/), "127.0.0.1:4222", undefined],
    [setting.port, "0", 0],
    [setting.port, "65535", 65_535],
    [setting.port, "65536", undefined],
    [setting.port, "-1", undefined],
    [setting.port, "80.5", undefined],
    [setting.port, "http", undefined],
    [setting.count, "10000", 10_000],
    [setting.count, "0", 0],
    [setting.count, "-1", undefined],
    [setting.count, "1.5", undefined],
    [setting.count, "ten", undefined],
    [setting.count, "Infinity", undefined],
    [setting.flag, "true", true],
    [setting.flag, "1", true],
    [setting.flag, "false", false],
    [setting.flag, "0", false],
    [setting.flag, "yes", undefined],
    [setting.durationMs, "PT1M", 60_000],
    [setting.durationMs, "1m", undefined],
    [setting.durationsMs, "PT1M, PT5M,PT25M", [60_000, 300_000, 1_500_000]],
    [setting.durationsMs, "PT1M,,PT5M", undefined],
    [setting.durationsMs, "PT1M,soon", undefined],
    [setting.list, "10.0.0.0/8, ,127.0.0.1/32", ["10.0.0.0/8", "127.0.0.1/32"]],
    [setting.secretKey, "k".repeat(32), "k".repeat(32)],
    [setting.secretKey, "k".repeat(31), undefined],
  ];
  for (const [kind, text, value] of table) assert.deepEqual(read(kind, text), value, text);
});

test("an empty variable counts as missing: it takes the default, or is named", () => {
  const shape = { HOST: commonSettings.HOST, NATS_URL: commonSettings.NATS_URL };
  const env = { HOST: "", NATS_URL: "nats://127.0.0.1" };
  assert.equal(parseConfig(shape, env).HOST, "127.0.0.1");
  assert.equal(complaint(shape, { NATS_URL: "" }), "NATS_URL is missing");
  assert.equal(complaint(shape, {}), "NATS_URL is missing");
});

test("an optional setting may be missing and may not be bad", () => {
  const shape = { PORT: setting.port.optional() };
  assert.deepEqual(parseConfig(shape, {}), {});
  assert.match(complaint(shape, { PORT: "x" }), /^PORT /);
});

test("ignores variables that are not asked for", () => {
  assert.deepEqual(parseConfig({ A: setting.text }, { A: "1", B: "2" }), { A: "1" });
});

test("one line names every bad variable and shows no value", () => {
  const shape = {
    ...commonSettings,
    PORT: setting.port,
    SECRET_KEY: setting.secretKey,
    FLAG: setting.flag,
    DELAYS: setting.durationsMs,
    LIMIT: setting.count,
  };
  const message = complaint(shape, {
    DATABASE_URL: "mysql://user:hunter2@canary/",
    LOG_LEVEL: "canary",
    PORT: "canary",
    SECRET_KEY: "canary",
    FLAG: "canary",
    DELAYS: "canary,canary",
    LIMIT: "canary\nsecond line",
  });
  for (const name of Object.keys(shape).filter((key) => key !== "HOST")) {
    assert.match(message, new RegExp(`\\b${name}\\b`));
  }
  assert.match(message, /NATS_URL is missing/);
  assert.doesNotMatch(message, /canary|hunter2|second/i);
  assert.doesNotMatch(message, /\n/);
});
