/** Longest name that is stored and announced; the longest real one seen has 24. */
export const VALUE_CODE_POINTS_MAX = 200;

const QUOTED_CODE_POINTS_MAX = 120;

/** Control characters except tab and line breaks, which the reader treats as space. */
const CONTROL = /[^\P{Cc}\t\n\r]/u;
const CONTROLS = /[^\P{Cc}\t\n\r]/gu;

export function hasControlCharacter(text: string): boolean {
  return CONTROL.test(text);
}

export function removeControlCharacters(text: string): string {
  return text.replaceAll(CONTROLS, "");
}

/** Cuts at a code point, so that no half of a surrogate pair is left behind. */
export function cutToCodePoints(text: string, countMax: number): string {
  if (text.length <= countMax) return text;
  let end = 0;
  for (let count = 0; count < countMax && end < text.length; count += 1) {
    end += (text.codePointAt(end) ?? 0) > 0xffff ? 2 : 1;
  }
  return text.slice(0, end);
}

export function isBlankRow(cells: readonly string[]): boolean {
  return cells.every((cell) => cell === "" || cell.trim() === "");
}

/** A value of the file, in quotes and bounded, for a message that goes back to the uploader. */
export function quoteForUploader(value: string): string {
  return `"${cutToCodePoints(removeControlCharacters(value).trim(), QUOTED_CODE_POINTS_MAX)}"`;
}
