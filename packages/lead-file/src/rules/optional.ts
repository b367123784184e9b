import type { NameRule } from "./names.ts";

/** Whole words only: a part of a word is a part of thousands of real names. */
const OFFENSIVE_WORDS: ReadonlySet<string> = new Set(
  "arse|arsehole|asshole|bastard|bitch|bollocks|bullshit|cunt|fuck|fucker|fucking|motherfucker|piss|shit|slut|tosser|twat|wank|wanker|whore".split(
    "|",
  ),
);
const WORD_GAP = /[^\p{L}\p{M}]+/u;
const SINGLE_LETTER = /^\p{L}\p{M}*\.?$/u;
const COMPANY_END = /(?:^|[ ,])(?:ltd|plc|llp)\.?$/;

/** Rules that are off unless a profile asks for them: each of them is wrong about real people. */
export const optionalNameRules: readonly NameRule[] = [
  {
    code: "NAME_PROFANITY",
    reach: "plain",
    find: ({ lower }) =>
      lower.split(WORD_GAP).some((word) => OFFENSIVE_WORDS.has(word)) ? "may be offensive" : null,
  },
  {
    code: "NAME_SINGLE_LETTER",
    reach: "plain",
    find: ({ text }) => (SINGLE_LETTER.test(text) ? "is one letter" : null),
  },
  {
    code: "NAME_COMPANY",
    reach: "plain",
    find: ({ lower }) => (COMPANY_END.test(lower) ? "looks like a company" : null),
  },
];
