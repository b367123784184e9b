import type { CleanName } from "../clean-name.ts";
import { cutToCodePoints } from "../text.ts";
import type { RuleCode } from "./catalogue.ts";
import type { RuleProfile } from "./profile.ts";

/**
 * `plain`: also names of ASCII letters; `words`: also names of letters of any script, with single
 * spaces, hyphens and apostrophes between them; `other`: only what holds anything else.
 */
export type RuleReach = "plain" | "words" | "other";

/** A rule about one name: says what is wrong with it, to follow "First name", or `null`. */
export interface NameRule {
  readonly code: RuleCode;
  /** Names that cannot break it skip it. */
  readonly reach: RuleReach;
  readonly find: (name: CleanName, profile: RuleProfile) => string | null;
}

/**
 * What no name has: anything but letters and marks of any script, numbers (they only warn), and the
 * hyphens, apostrophes, points and brackets that real names carry.
 */
const ILLEGAL =
  /[^\p{L}\p{M}\p{N} \-\u2010\u2011\u2013'’‘`´.,·/()\u05be\u05f3\u05f4\u055a\u055b\u0970\u0f0b\u200c-\u200d\u2027\u30fb\ufffd]/gu;
const ILLEGAL_SHOWN_MAX = 5;

const LETTER = /\p{L}/u;
const NUMBER = /\p{N}/u;
const FORMULA_START = /^[=+\-@＝＋－＠]/u;
const MARKUP_OR_URL =
  /[<>]|:\/\/|\bwww\.|\bjavascript:|&(?:[a-z]{2,8}|#\w{1,6});|\{\{|\$\{|\S@\S+\.\p{L}|[\p{L}\p{N}]\.(?:com|net|org|info|co\.uk)(?![\p{L}\p{N}])/iu;

/** UTF-8 read as Windows-1252: a lead byte as a letter, then a character no name goes on with. */
const MOJIBAKE =
  /[ÃÂ][\u0080-\u00bf€‚ƒ„…†‡ˆ‰‹‘’“”•–—˜™›]|[ÄÅÐÑ][\u0080-\u00a9\u00ab-\u00b9\u00bb-\u00bf€‚ƒ„…†‡ˆ‰‹“”•—˜™›]|â€/u;

const TITLE =
  /^(?:mr|mrs|ms|mx|dr)\.?$|^(?:mr|mrs|ms|miss|mx|mister|dr|doctor|prof|professor|rev|reverend|sir)\.? /u;

/** The alphabets with letters that look like those of another one. */
const LATIN = /\p{Script=Latin}/u;
const CYRILLIC = /\p{Script=Cyrillic}/u;
const GREEK = /\p{Script=Greek}/u;

/** Rules about the characters of a name, in the order in which findings are reported. */
export const nameRules: readonly NameRule[] = [
  {
    code: "NAME_TOO_LONG",
    reach: "plain",
    find: ({ text }, { nameLengthMax }) =>
      cutToCodePoints(text, nameLengthMax).length < text.length
        ? `is longer than ${nameLengthMax} characters`
        : null,
  },
  {
    code: "NAME_FORMULA",
    reach: "other",
    find: ({ text }) => (FORMULA_START.test(text) ? "cannot start with = + - or @" : null),
  },
  {
    code: "NAME_MARKUP_OR_URL",
    reach: "other",
    find: ({ text }) => (MARKUP_OR_URL.test(text) ? "contains a web address, email or code" : null),
  },
  {
    code: "NAME_CHARSET",
    reach: "other",
    find: ({ text }) => illegalCharacters(text),
  },
  {
    code: "NAME_REPLACEMENT_CHAR",
    reach: "other",
    find: ({ text }) =>
      text.includes("\ufffd") ? "has a damaged character (�). Re-save as CSV UTF-8" : null,
  },
  {
    code: "NAME_NO_LETTERS",
    reach: "other",
    find: ({ text }) => (LETTER.test(text) ? null : "has no letter"),
  },
  {
    code: "NAME_MOJIBAKE",
    reach: "words",
    find: ({ text }) => (MOJIBAKE.test(text) ? "looks damaged by a wrong encoding" : null),
  },
  {
    code: "NAME_INVISIBLE_REMOVED",
    reach: "plain",
    find: ({ hadInvisible }) => (hadInvisible ? "had hidden characters, which were removed" : null),
  },
  {
    code: "NAME_DIGITS",
    reach: "other",
    find: ({ text }) => (NUMBER.test(text) ? "contains a number" : null),
  },
  {
    code: "NAME_TITLE",
    reach: "plain",
    find: ({ lower }) => (TITLE.test(lower) ? "seems to contain a title (Mr, Dr …)" : null),
  },
  {
    code: "NAME_MIXED_SCRIPT",
    reach: "words",
    find: ({ text }) => (mixesScripts(text) ? "mixes alphabets" : null),
  },
];

/** Each fault has one code: markup and a leading formula sign are not reported as charset again. */
function illegalCharacters(text: string): string | null {
  if (text.search(ILLEGAL) < 0 || MARKUP_OR_URL.test(text)) return null;
  const found = text.replace(FORMULA_START, "").match(ILLEGAL);
  if (found === null) return null;
  const shown = [...new Set(found)].slice(0, ILLEGAL_SHOWN_MAX).join(" ");
  return `has characters not used in names: ${shown}`;
}

/** Letters of one word that look alike but are not: the sign of a forged or mistyped name. */
function mixesScripts(text: string): boolean {
  if (!CYRILLIC.test(text) && !GREEK.test(text)) return false;
  return text
    .split(" ")
    .some((word) => [LATIN, CYRILLIC, GREEK].filter((script) => script.test(word)).length > 1);
}
