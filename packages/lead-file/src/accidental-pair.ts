/** A record that runs over several lines, as its quotes have it. */
export interface SpannedRecord {
  readonly lines: readonly string[];
  readonly cells: readonly string[];
}

export interface AccidentalPairOptions {
  readonly delimiter: string;
  readonly columnCount: number;
  /** Index of the column with the dates. */
  readonly dobColumn: number;
}

const ANY_DIGIT = /\d/;

/**
 * Two broken quotes, lines apart, can pair up and still parse, with good rows swallowed in between.
 * Says whether that is what happened: the record has another width than the header, its first line
 * is a whole row although a quote stands open in it, or a line in between is a row by itself.
 */
export function isAccidentalPair(record: SpannedRecord, options: AccidentalPairOptions): boolean {
  const { delimiter, columnCount, dobColumn } = options;
  if (record.cells.length !== columnCount) return true;
  const [first = "", ...others] = record.lines;
  const openPart = first.slice(first.lastIndexOf('"'));
  if (openPart.includes(delimiter) && first.split(delimiter).length === columnCount) return true;
  return others.some((line) => {
    if (line.includes('"')) return false;
    const cells = line.split(delimiter);
    // As many cells as the header and a number where the date belongs: no line of a note looks so.
    return cells.length === columnCount && ANY_DIGIT.test(cells[dobColumn] ?? "");
  });
}
