import assert from "node:assert/strict";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import { readAlertRules, readRuleTests, RUNBOOKS, selectorsOf } from "./alert-rules.ts";

const alerts = readAlertRules().filter(({ alert }) => alert !== undefined);
const names = alerts.map(({ alert = "" }) => alert);

test("every alert says how urgent it is and where its runbook is, and every runbook has an alert", () => {
  assert.equal(new Set(names).size, names.length);
  for (const { alert = "", labels, annotations } of alerts) {
    assert.match(labels?.["severity"] ?? "", /^(page|ticket)$/, alert);
    assert.ok((annotations?.["summary"] ?? "") !== "", alert);
    assert.equal(annotations?.["runbook_url"], `docs/runbooks/${alert}.md`);
    assert.ok(existsSync(join(RUNBOOKS, `${alert}.md`)), `a runbook of ${alert}`);
  }
  const runbooks = readdirSync(RUNBOOKS).map((file) => file.replace(".md", ""));
  assert.deepEqual(new Set(runbooks), new Set(names));
});

test("every alert has a test in which it fires and one in which it does not", () => {
  const tests = readRuleTests();
  for (const fires of [true, false]) {
    const tested = tests.filter((one) => one.fires === fires).map(({ alertname }) => alertname);
    assert.deepEqual(new Set(tested), new Set(names));
  }
});

test("a recorded series is not used before it is recorded, and none is recorded for nothing", () => {
  const recorded = readAlertRules().flatMap(({ record }) => (record === undefined ? [] : [record]));
  const used = alerts.flatMap(({ expr }) => selectorsOf(expr).map(({ metric }) => metric));
  assert.deepEqual(new Set(used.filter((metric) => metric.includes(":"))), new Set(recorded));
});

test("the series of an expression are found with their labels, functions and numbers are not", () => {
  assert.deepEqual(
    selectorsOf('sum by (le, stream) (rate(a_total{x="1", y!~"b.*"}[5m] offset 1h)) > 14.4 * 0.01'),
    [{ metric: "a_total", labels: ["x", "y", "le", "stream"], values: { x: "1" } }],
  );
  const two = selectorsOf('(a:b > 1 and max(c) == 0) or absent(d{s="t"})');
  assert.deepEqual(
    two.map(({ metric }) => metric),
    ["a:b", "c", "d"],
  );
});
