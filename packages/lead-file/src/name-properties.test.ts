import assert from "node:assert/strict";
import { test } from "node:test";

import anyAscii from "any-ascii";
import * as fc from "fast-check";

import { cleanName } from "./clean-name.ts";
import { LEAD_ID_PATTERN, leadIdOf } from "./lead-id.ts";
import { contextWith } from "./testing.ts";

// Goal: whatever stands for a name, its shorter ways lead where the long ones do, and its id has the
// agreed shape.
// Method: random names of the letters that make trouble.

const context = contextWith();

test("every pair of texts has an id of the agreed shape", () => {
  const anyText = fc.string({ unit: "binary", maxLength: 300 });
  fc.assert(
    fc.property(anyText, anyText, (first, last) => {
      assert.match(leadIdOf(first, last, null), LEAD_ID_PATTERN);
    }),
    { numRuns: 1_000 },
  );
});

// Names of letters take shorter ways, through cleaning and to their id. Both ends are written down
// here once more, the long way.
test("the short ways of a name lead where the long ones do", () => {
  const pieces = Array.from("aZéßжيא각王𠀀 -'’.\u0301\u064b\u0958\u200b\u200c\u115f\u212bﬁ0=");
  const name = fc.string({ unit: fc.constantFrom(...pieces), maxLength: 120 });
  fc.assert(
    fc.property(name, (raw) => {
      const { text, lower, hadInvisible } = cleanName(raw);
      // Behind a blank that cleaning takes away, a name cannot take a short way.
      const { text: long, hadInvisible: hadLong } = cleanName(`${raw} \t`);
      assert.deepEqual([text, lower, hadInvisible], [long, long.toLowerCase(), hadLong]);
      assert.equal(text, text.normalize("NFC"));
      assert.equal(leadIdOf(raw, "", null), `${longPartOf(raw)}.unknown.00000000`);
    }),
    { numRuns: 2_000 },
  );
});

/** The rule of SLUG_VERSION 1, word for word. */
function longPartOf(name: string): string {
  const slug = anyAscii(name.normalize("NFKC"))
    .toLowerCase()
    .replaceAll(/['’`"]/g, "")
    .replaceAll(/[^a-z0-9]+/g, "-")
    .replaceAll(/^-+|-+$/g, "")
    .slice(0, 100);
  return slug === "" ? "unknown" : slug;
}

// Most rules are not run for a name of mere letters: that is only right where they could not speak.
test("a rule that a name skips would have had nothing to say about it", () => {
  const { nameRules, profile } = context.ruleset;
  const letters = fc.constantFrom(...Array.from("aZéłßΔжא王あั '’-.\u00ad\u200c\u0301Ã©0<@="));
  const name = fc.oneof(
    fc.string({ unit: letters, minLength: 1, maxLength: 12 }),
    fc.string({ unit: "grapheme", minLength: 1, maxLength: 12 }),
  );
  fc.assert(
    fc.property(name, (raw) => {
      const cleaned = cleanName(raw);
      fc.pre(cleaned.text !== "");
      const codesOf = (rules: typeof nameRules.other) =>
        rules.filter((rule) => rule.find(cleaned, profile) !== null).map(({ code }) => code);
      assert.deepEqual(codesOf(nameRules[cleaned.kind]), codesOf(nameRules.other));
    }),
    { numRuns: 5_000 },
  );
});
