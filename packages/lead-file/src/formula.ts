/**
 * What a spreadsheet may take for a formula: = + - @ and their full-width and small forms, also
 * behind white space or invisible characters, and a leading tab, line break or NUL.
 */
const FORMULA_START = /^(?:[\t\r\n\0]|[\s\p{Cc}\p{Cf}]*[=+\-@＝＋－＠﹦﹢﹣﹫])/u;
const GUARD = "'";

/** The cell as text for every spreadsheet: a guard stands before anything like a formula. */
export function guardFormula(cell: string): string {
  return FORMULA_START.test(cell) ? GUARD + cell : cell;
}

/** Takes back exactly one guard, and only where `guardFormula` puts one: `'t Hooft` keeps his. */
export function unguardFormula(cell: string): string {
  return cell.startsWith(GUARD) && FORMULA_START.test(cell.slice(1)) ? cell.slice(1) : cell;
}
