import anyAscii from "any-ascii";

import type { CleanName } from "../clean-name.ts";
import type { NameRule } from "./names.ts";

/**
 * Whole values typed when there is no name. Exact, since real people are called Null, Test, Na, Nil
 * and Blank.
 */
const PLACEHOLDERS: ReadonlySet<string> = new Set([
  ..."n/a|n.a.|n.a|n\\a|#n/a|#ref!|#name?|#value!|unknown|not known|not provided|not applicable".split(
    "|",
  ),
  ..."none|no name|unspecified|undefined|anonymous|tbc|tbd|tba|fnu|lnu".split("|"),
  ..."first_name|last_name|first name|last name|firstname|lastname|surname|forename".split("|"),
]);
const FILLER = /^(?:x{3,}|[-–—.?_*]+)$/u;

/** Pairs of first and last name, lower case. John Doe may be real. */
const TEST_PAIRS: ReadonlyMap<string, "certain" | "doubtful"> = new Map<
  string,
  "certain" | "doubtful"
>([
  ["test test", "certain"],
  ["test user", "certain"],
  ["test tester", "certain"],
  ["test testing", "certain"],
  ["test person", "certain"],
  ["test lead", "certain"],
  ["test name", "certain"],
  ["foo bar", "certain"],
  ["asdf asdf", "certain"],
  ["qwerty qwerty", "certain"],
  ["john doe", "doubtful"],
  ["jane doe", "doubtful"],
]);

const FICTIONAL_PAIRS: ReadonlySet<string> = new Set(
  [
    "mickey mouse|minnie mouse|donald duck|daffy duck|bugs bunny|homer simpson|bart simpson",
    "marge simpson|lisa simpson|peter griffin|fred flintstone|spongebob squarepants|peppa pig",
    "winnie pooh|paddington bear|harry potter|hermione granger|albus dumbledore|severus snape",
    "sherlock holmes|james bond|indiana jones|lara croft|luke skywalker|darth vader|han solo",
    "bruce wayne|clark kent|tony stark|frodo baggins|bilbo baggins|santa claus|father christmas",
  ].flatMap((line) => line.split("|")),
);

/** A quick no for nearly every name; a yes needs the look at the letter, as do surrogate pairs. */
const MAY_REPEAT = /([^ ])\1{3}|[\ud800-\udbff]/;
const REPEATED_LETTER = /(\p{L})\1{3}/u;
const RUN_KEYS = 5;
const KEYBOARD_RUN = keyboardRuns();
const ASCII_VOWEL = /[aeiouy]/;
const LATIN_LETTER = /\p{Script=Latin}/gu;
const OTHER_LETTER = /(?!\p{Script=Latin})\p{L}/u;
const NO_VOWEL_LETTERS_MIN = 5;

/** Whether a value is no name at all; then nothing else about it is worth saying. */
export function isPlaceholder({ lower }: CleanName): boolean {
  return PLACEHOLDERS.has(lower) || FILLER.test(lower);
}

/**
 * Rules about names that nobody has. Only these three: profanity lists, runs of consonants and three
 * equal letters insulted hundreds of real people each when tried on 197,247 real names.
 */
export const junkRules: readonly NameRule[] = [
  {
    code: "NAME_REPEATED_CHAR",
    reach: "plain",
    find: ({ lower }) =>
      MAY_REPEAT.test(lower) && REPEATED_LETTER.test(lower) ? "repeats one letter" : null,
  },
  {
    code: "NAME_KEYBOARD_RUN",
    reach: "plain",
    find: ({ lower }) => (KEYBOARD_RUN.test(lower) ? "looks typed along the keyboard" : null),
  },
  {
    code: "NAME_NO_VOWEL",
    reach: "plain",
    find: (name) => (hasNoVowel(name) ? "has no vowels" : null),
  },
];

/** How surely a pair of names gives a test record away, or `null`. */
export function testPairOf(pair: string): "certain" | "doubtful" | null {
  return TEST_PAIRS.get(pair) ?? null;
}

export function isFictionalPair(pair: string): boolean {
  return FICTIONAL_PAIRS.has(pair);
}

function hasNoVowel({ lower, kind }: CleanName): boolean {
  if (ASCII_VOWEL.test(lower)) return false;
  const letterCount = lower.match(LATIN_LETTER)?.length ?? 0;
  if (letterCount < NO_VOWEL_LETTERS_MIN) return false;
  if (kind === "plain") return true;
  return !OTHER_LETTER.test(lower) && !ASCII_VOWEL.test(anyAscii(lower).toLowerCase());
}

/** Five neighbouring keys of one row, in either direction. */
function keyboardRuns(): RegExp {
  const rows = ["qwertyuiop", "poiuytrewq", "asdfghjkl", "lkjhgfdsa", "zxcvbnm", "mnbvcxz"];
  const runs = rows.flatMap((row) =>
    Array.from({ length: row.length - RUN_KEYS + 1 }, (_, start) =>
      row.slice(start, start + RUN_KEYS),
    ),
  );
  return new RegExp(runs.join("|"));
}
