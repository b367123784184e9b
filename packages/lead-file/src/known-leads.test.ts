import assert from "node:assert/strict";
import { test } from "node:test";

import { createDuplicateFinder } from "./duplicate-finder.ts";
import { judgeRow, withFinding } from "./judge-row.ts";
import { type KnownLead, questionsOf, withKnown } from "./known-leads.ts";
import type { RuleProfile } from "./rules/profile.ts";
import { accepted, contextWith } from "./testing.ts";

const csv = `first_name,last_name,dob
Zelka,Vlorena,15/03/1990
Zelki;,Vlorena,16/03/1990
Zelko,Vlorena,
Zelka,Vlorena,15/03/1990
Zelke
`;
const ZELKA = "zelka.vlorena.15031990";
const ZELKI = "zelki.vlorena.16031990";

function judged(levels: RuleProfile["levels"] = {}) {
  const { rows, dialect } = accepted(csv);
  const context = contextWith({ levels });
  const duplicates = createDuplicateFinder(context.ruleset);
  const drafts = rows.map((row) => {
    const verdict = judgeRow(row, dialect, context);
    const duplicate = duplicates.check(row.rowNumber, verdict.leadId, verdict.dobDate);
    return { row, verdict: duplicate === null ? verdict : withFinding(verdict, duplicate) };
  });
  return { drafts, ruleset: context.ruleset };
}

function codesWith(known: KnownLead, leadId: string, levels: RuleProfile["levels"] = {}) {
  const { drafts, ruleset } = judged(levels);
  return withKnown(drafts, new Map([[leadId, known]]), ruleset).map(({ verdict }) => {
    const { status, errors, warnings } = verdict;
    return [status as string].concat([...errors, ...warnings].map(({ code }) => code));
  });
}

test("asks once for each lead with a date of birth, and claims only what is valid so far", () => {
  const { drafts, ruleset } = judged();
  assert.deepEqual(questionsOf(drafts, ruleset), [
    { leadId: ZELKA, isClaim: true },
    { leadId: ZELKI, isClaim: false },
  ]);
});

test("claims nothing where the profile does not look back", () => {
  const { drafts, ruleset } = judged({ DUP_PREVIOUS_BATCH: "off" });
  assert.ok(questionsOf(drafts, ruleset).every(({ isClaim }) => !isClaim));
});

const seen = { kind: "seen", batchId: "batch_1", date: "03/05/2026" } as const;

test("a lead of an earlier batch has a warning, or is refused where the profile says so", () => {
  assert.deepEqual(codesWith(seen, ZELKA)[0], ["valid", "DUP_PREVIOUS_BATCH"]);
  const levels = { DUP_PREVIOUS_BATCH: "error" } as const;
  assert.deepEqual(codesWith(seen, ZELKA, levels)[0], ["invalid", "DUP_PREVIOUS_BATCH"]);
  const { drafts, ruleset } = judged();
  const [first] = withKnown(drafts, new Map([[ZELKA, seen]]), ruleset);
  const message = "Already seen in batch batch_1 on 03/05/2026";
  assert.equal(first?.verdict.warnings[0]?.message, message);
});

test("both rows of one lead are told, where a repetition in the file is allowed", () => {
  const codes = codesWith(seen, ZELKA, { DUP_IN_FILE: "off" });
  assert.deepEqual([codes[0], codes[3]], [codes[0], codes[0]]);
});

test("an erased person is refused, whatever else is said of the row", () => {
  const erased = { kind: "suppressed" } as const;
  assert.deepEqual(codesWith(erased, ZELKA)[0], ["invalid", "SUPPRESSED_ERASED"]);
  assert.deepEqual(codesWith(erased, ZELKI)[1], ["invalid", "NAME_CHARSET", "SUPPRESSED_ERASED"]);
});

test("where nothing is known, the drafts are the same", () => {
  const { drafts, ruleset } = judged();
  assert.equal(withKnown(drafts, new Map(), ruleset), drafts);
});
