import assert from "node:assert/strict";
import { test } from "node:test";

import { defaultRuleProfile, rulesetText, unknownCodesOf } from "./profile.ts";

const textWith = (changes: Partial<typeof defaultRuleProfile>) =>
  rulesetText({ ...defaultRuleProfile, ...changes });

test("profiles that judge alike have one ruleset, whatever is spelt out and in what order", () => {
  const spelt = { NAME_PROFANITY: "off", DOB_MISSING: "error" } as const;
  assert.equal(textWith({ levels: spelt }), rulesetText(defaultRuleProfile));
  const one = textWith({ levels: { NAME_TITLE: "off", NAME_DIGITS: "error" } });
  assert.equal(textWith({ levels: { NAME_DIGITS: "error", NAME_TITLE: "off" } }), one);
  assert.notEqual(one, rulesetText(defaultRuleProfile));
});

test("whatever changes a verdict changes the ruleset", () => {
  const texts = [
    {},
    { minAge: 21 },
    { maxAge: 110 },
    { allowMononym: true },
    { nameLengthMax: 50 },
    { duplicateWindowDays: 30 },
    { externalCheck: "hold" } as const,
    { levels: { DUP_PREVIOUS_BATCH: "error" } as const },
  ].map(textWith);
  assert.equal(new Set(texts).size, texts.length);
});

test("a code that is no rule, or that nobody may change, is told", () => {
  const levels = {
    NAME_TITLE: "off",
    NAME_TITEL: "off",
    SUPPRESSED_ERASED: "off",
  } as const;
  assert.deepEqual(unknownCodesOf({ levels }), ["NAME_TITEL", "SUPPRESSED_ERASED"]);
});

test("an explicit level counts before allow_mononym", () => {
  const levels = { LAST_NAME_MISSING: "off" } as const;
  assert.match(textWith({ allowMononym: true, levels }), /^LAST_NAME_MISSING v1 off$/m);
  assert.match(textWith({ allowMononym: true }), /^LAST_NAME_MISSING v1 warning$/m);
});
