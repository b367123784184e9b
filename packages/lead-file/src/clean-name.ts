import { unguardFormula } from "./formula.ts";
import type { RuleReach } from "./rules/names.ts";
import { removeControlCharacters } from "./text.ts";

export interface CleanName {
  readonly text: string;
  readonly lower: string;
  /** Most rules cannot apply to a name of mere letters and are not run for it. */
  readonly kind: RuleReach;
  readonly hadInvisible: boolean;
}

const PLAIN = /^[A-Za-z]+(?:[ '-][A-Za-z]+)*$/;
const WORDS = /^\p{L}[\p{L}\p{M}]*(?:[ '’-]\p{L}[\p{L}\p{M}]*)*$/u;
const NUMERIC_VALUE = /^\d[\d/.-]*$/;
const NON_ASCII = /[^\p{ASCII}]/u;
/** Below U+0300 everything is in NFC already, and only the soft hyphen is invisible. */
const MAY_CHANGE_IN_NFC = /[\u0300-\uffff\u00ad]/;
const WHITE_SPACE = /\s+/g;

/** Zero-width characters, byte order marks, direction marks, soft hyphens and blank Hangul fillers. */
const INVISIBLE =
  /[\u00ad\u061c\u115f\u1160\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\u3164\ufeff\uffa0]/g;
const JOINER = /[\u200c-\u200d]/;
/**
 * The two joiners are spelling inside a Persian or Sinhala word, and at the end of a Kurdish one, and
 * rubbish anywhere else: they stay only behind a letter or mark of a script other than Latin, and
 * before another one or behind an Arabic letter.
 */
const STRAY_JOINER =
  /(?<![\p{L}\p{M}])[\u200c\u200d]|(?<!\p{Script=Arabic}\p{M}*)[\u200c\u200d](?![\p{L}\p{M}])|(?<=\p{Script=Latin})[\u200c\u200d]|[\u200c\u200d](?=\p{Script=Latin})/gu;

/**
 * A name as it is stored: NFC, trimmed, white space collapsed, invisible characters removed.
 * Nothing else is folded, and its case is the person's own.
 */
export function cleanName(raw: string): CleanName {
  if (PLAIN.test(raw)) {
    return { text: raw, lower: raw.toLowerCase(), kind: "plain", hadInvisible: false };
  }
  if (WORDS.test(raw) && isComposed(raw)) {
    return { text: raw, lower: raw.toLowerCase(), kind: "words", hadInvisible: false };
  }
  let text = unguardFormula(raw);
  let hadInvisible = false;
  if (MAY_CHANGE_IN_NFC.test(text)) {
    const composed = text.normalize("NFC");
    const visible = removeInvisible(composed);
    hadInvisible = visible.length !== composed.length;
    // What stood apart may now belong together.
    text = hadInvisible ? visible.normalize("NFC") : visible;
  }
  text = removeControlCharacters(text).replaceAll(WHITE_SPACE, " ").trim();
  return { text, lower: text.toLowerCase(), kind: kindOf(text), hadInvisible };
}

/** A date or another value of one line, folded to ASCII digits where Unicode says they are equal. */
export function cleanValue(raw: string): string {
  if (NUMERIC_VALUE.test(raw)) return raw;
  const text = NON_ASCII.test(raw) ? removeInvisible(raw.normalize("NFKC")) : raw;
  return removeControlCharacters(unguardFormula(text)).trim();
}

/** Whether NFC and the removal of invisible characters leave it as it is. */
function isComposed(text: string): boolean {
  if (!MAY_CHANGE_IN_NFC.test(text)) return true;
  return text.normalize("NFC") === text && removeInvisible(text) === text;
}

function kindOf(text: string): RuleReach {
  if (PLAIN.test(text)) return "plain";
  return WORDS.test(text) ? "words" : "other";
}

function removeInvisible(text: string): string {
  const visible = text.replaceAll(INVISIBLE, "");
  // The look-around is dear, and nearly no name has a joiner.
  return JOINER.test(visible) ? visible.replaceAll(STRAY_JOINER, "") : visible;
}
