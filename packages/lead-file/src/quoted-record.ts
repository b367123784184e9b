/** A record longer than this is no lead, and bounds how far an unclosed quote is followed. */
export const RECORD_LENGTH_MAX = 16_384;

/** A record with quotes, parsed. `end` is the index of its terminator or the end of the text. */
export interface QuotedRecord {
  readonly cells: readonly string[];
  readonly end: number;
}

interface Cell {
  readonly value: string;
  /** Index of the delimiter or terminator behind the cell. */
  readonly end: number;
}

/**
 * Parses the record at `start` by RFC 4180, and forgives spaces around a quoted value.
 * `null`: a quote in it is stray, not closed, or followed by text.
 */
export function parseQuotedRecord(
  text: string,
  start: number,
  delimiter: string,
): QuotedRecord | null {
  const cells: string[] = [];
  let position = start;
  for (;;) {
    const cellStart = skipSpaces(text, position, delimiter);
    const cell =
      text[cellStart] === '"'
        ? quotedCell(text, cellStart, { delimiter, limit: start + RECORD_LENGTH_MAX })
        : bareCell(text, position, delimiter);
    if (cell === null) return null;
    cells.push(cell.value);
    if (text[cell.end] !== delimiter) return { cells, end: cell.end };
    position = cell.end + 1;
  }
}

function quotedCell(
  text: string,
  start: number,
  { delimiter, limit }: { delimiter: string; limit: number },
): Cell | null {
  let value = "";
  let from = start + 1;
  for (;;) {
    const quote = text.indexOf('"', from);
    if (quote < 0 || quote > limit) return null;
    value += text.slice(from, quote);
    if (text[quote + 1] !== '"') {
      const end = skipSpaces(text, quote + 1, delimiter);
      return endsCell(text, end, delimiter) ? { value, end } : null;
    }
    value += '"';
    from = quote + 2;
  }
}

function bareCell(text: string, start: number, delimiter: string): Cell | null {
  let end = start;
  while (!endsCell(text, end, delimiter)) {
    if (text[end] === '"') return null;
    end += 1;
  }
  return { value: text.slice(start, end), end };
}

function endsCell(text: string, position: number, delimiter: string): boolean {
  const character = text[position];
  return (
    character === undefined || character === delimiter || character === "\n" || character === "\r"
  );
}

function skipSpaces(text: string, from: number, delimiter: string): number {
  let position = from;
  while (isSpace(text[position], delimiter)) position += 1;
  return position;
}

function isSpace(character: string | undefined, delimiter: string): boolean {
  return character === " " || (character === "\t" && delimiter !== "\t");
}
