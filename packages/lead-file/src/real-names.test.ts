import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { test } from "node:test";

import { allLocales } from "@faker-js/faker";

import { judgeRow } from "./judge-row.ts";
import { LEAD_ID_PATTERN } from "./lead-id.ts";
import { contextWith, HEADER } from "./testing.ts";

// Goal: nobody is turned away for the name they have, and hardly anybody is remarked upon.
// Method: every name of two public lists beside an ordinary one, under the default rules.

const require = createRequire(import.meta.url);
const BUDGET_PER_100_000 = 5;
const OTHER_NAME = "Winterbourne";
const context = contextWith();

interface Hits {
  /** Names with an error. */
  readonly errors: readonly string[];
  /** Names with each warning. */
  readonly warnings: ReadonlyMap<string, readonly string[]>;
}

function judgeAll(names: Iterable<string>, place: "first" | "last"): Hits {
  const errors: string[] = [];
  const warnings = new Map<string, string[]>();
  for (const name of names) {
    const cells =
      place === "first" ? [name, OTHER_NAME, "15/03/1990"] : [OTHER_NAME, name, "15/03/1990"];
    const row = { rowNumber: 1, lineNumber: 2, cells, problem: null };
    const verdict = judgeRow(row, { header: HEADER }, context);
    assert.match(verdict.leadId, LEAD_ID_PATTERN);
    if (verdict.errors.length > 0) errors.push(name);
    for (const { code } of verdict.warnings) {
      warnings.set(code, [...(warnings.get(code) ?? []), name]);
    }
  }
  return { errors, warnings };
}

function assertWithinBudget({ warnings }: Hits, nameCount: number): void {
  const countMax = Math.max(1, Math.floor((nameCount * BUDGET_PER_100_000) / 100_000));
  for (const [code, all] of warnings) {
    const names = all.filter((name) => !HIDDEN_AT_END.test(name));
    assert.ok(names.length <= countMax, `${code}: ${names.join(" | ")}`);
  }
}

/** Two entries end in a space and a joiner that joins nothing: that is what the warning is for. */
const HIDDEN_AT_END = / \u200c$/;
/** What is wrong with these is the list, not the rule. */
const DAMAGED = /[\ufffd_;+]/u;
/** Typed by clerks where a name is not known; the reference page lists them as placeholders. */
const PLACEHOLDERS = new Set(["Fnu", "Lnu", "Anonymous"]);

test("197,247 real names: no error but in damaged and placeholder entries, warnings within budget", () => {
  const list = readFileSync(require.resolve("humannames/index.json"), "utf8");
  const names = Object.keys(JSON.parse(list));
  assert.equal(names.length, 197_247);
  for (const place of ["first", "last"] as const) {
    const hits = judgeAll(names, place);
    const unexplained = hits.errors.filter(
      (name) => !DAMAGED.test(name) && !PLACEHOLDERS.has(name),
    );
    assert.deepEqual(unexplained, []);
    assert.equal(hits.errors.length, 19);
    assertWithinBudget(hits, names.length);
  }
});

test("the names of every locale of faker: no error but in one damaged entry, warnings within budget", () => {
  const firstNames = new Set<string>();
  const lastNames = new Set<string>();
  for (const { person } of Object.values(allLocales)) {
    collect(person?.first_name, firstNames);
    collect(person?.last_name, lastNames);
  }
  assert.ok(firstNames.size > 20_000 && lastNames.size > 15_000);
  const first = judgeAll(firstNames, "first");
  const last = judgeAll(lastNames, "last");
  assert.deepEqual([first.errors, last.errors], [["Mia+3"], []]);
  assertWithinBudget(first, firstNames.size);
  assertWithinBudget(last, lastNames.size);
});

/** Locales nest their lists by sex, or not. */
function collect(value: unknown, names: Set<string>): void {
  if (typeof value === "string") names.add(value);
  else if (typeof value === "object" && value !== null) {
    for (const part of Object.values(value)) collect(part, names);
  }
}
