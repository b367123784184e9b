import type { SpannedRecord } from "./accidental-pair.ts";
import { parseQuotedRecord, RECORD_LENGTH_MAX } from "./quoted-record.ts";
import { isBlankRow } from "./text.ts";

/** One record of the text: usually one line, more when a quoted value holds a line break. */
export interface TextRecord {
  readonly cells: readonly string[];
  /** Physical lines from 1. */
  readonly firstLine: number;
  readonly lastLine: number;
  /** `quote`: the quotation marks do not fit; `length`: over 16 KiB. Its cells are a rough split. */
  readonly fault: "quote" | "length" | null;
  /** Where the next record starts. */
  readonly next: Position;
}

export interface Position {
  readonly offset: number;
  readonly line: number;
}

export interface RecordReaderOptions {
  readonly delimiter: string;
  readonly start: Position;
  /** Ends the reading after so many blank records; without it there is no such end. */
  readonly blankMax?: number;
  /** Whether the quotes of a record of several lines fit by accident: then its first line is at fault. */
  readonly isAccident?: (record: SpannedRecord) => boolean;
}

export interface RecordReader {
  /** The next record that is not blank, or `null` at the end of the text. */
  readonly next: () => TextRecord | null;
  /** Records passed over so far because every cell was empty or white space. */
  readonly blankCount: () => number;
}

const SPACE = 0x20;
const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const NEWLINE = /\r\n|\n|\r/;

/**
 * Reads records in one pass. A fault costs its own physical line alone and reading goes on with the
 * next: that is safe, since no legal value of a lead holds a line break.
 */
export function createRecordReader(text: string, options: RecordReaderOptions): RecordReader {
  const { delimiter, isAccident, blankMax = Infinity } = options;
  const nextLineFeed = createFinder(text, "\n");
  const nextReturn = createFinder(text, "\r");
  const nextQuote = createFinder(text, '"');
  let { offset, line } = options.start;
  let blankCount = 0;

  function lineEnd(from: number): number {
    return Math.min(nextLineFeed(from), nextReturn(from));
  }

  function finish(end: number, record: Omit<TextRecord, "firstLine" | "next">): TextRecord {
    const firstLine = line;
    offset = end + newlineAt(text, end).length;
    line = record.lastLine + 1;
    return { ...record, firstLine, next: { offset, line } };
  }

  function next(): TextRecord | null {
    while (blankCount <= blankMax) {
      const blank = blankLinesAt(text, offset, delimiter);
      offset = blank.end;
      line += blank.count;
      blankCount += blank.count;
      if (offset >= text.length) return null;
      const record = readRecord();
      if (!isBlankRow(record.cells)) return record;
      blankCount += 1;
    }
    return null;
  }

  function readRecord(): TextRecord {
    const end = lineEnd(offset);
    if (end - offset > RECORD_LENGTH_MAX) {
      const cells = text.slice(offset, offset + RECORD_LENGTH_MAX).split(delimiter);
      return finish(end, { cells, lastLine: line, fault: "length" });
    }
    const lineCells = () => text.slice(offset, end).split(delimiter);
    if (nextQuote(offset) >= end) {
      return finish(end, { cells: lineCells(), lastLine: line, fault: null });
    }
    const record = parseQuotedRecord(text, offset, delimiter);
    if (record === null) return finish(end, { cells: lineCells(), lastLine: line, fault: "quote" });
    const { cells } = record;
    if (record.end === end) return finish(end, { cells, lastLine: line, fault: null });
    const lines = text.slice(offset, record.end).split(NEWLINE);
    if (isAccident?.({ lines, cells }) === true) {
      return finish(end, { cells: lineCells(), lastLine: line, fault: "quote" });
    }
    return finish(record.end, { cells, lastLine: line + lines.length - 1, fault: null });
  }

  return { next, blankCount: () => blankCount };
}

/** Excel can leave a million lines of bare commas behind, so they are passed over cheaply. */
function blankLinesAt(text: string, start: number, delimiter: string) {
  const delimiterCode = delimiter.charCodeAt(0);
  let end = start;
  let count = 0;
  for (let position = start; position < text.length; position += 1) {
    const code = text.charCodeAt(position);
    if (code === SPACE || code === delimiterCode) continue;
    if (code !== LINE_FEED && code !== CARRIAGE_RETURN) return { end, count };
    if (code === CARRIAGE_RETURN && text.charCodeAt(position + 1) === LINE_FEED) position += 1;
    end = position + 1;
    count += 1;
  }
  // The last line may lack its newline.
  return { end: text.length, count: end < text.length ? count + 1 : count };
}

/** Remembers the last hit, so that a character which is rare in the text is searched for once. */
function createFinder(text: string, character: string): (from: number) => number {
  let found = -1;
  return (from) => {
    if (found < from) {
      const index = text.indexOf(character, from);
      found = index < 0 ? text.length : index;
    }
    return found;
  };
}

function newlineAt(text: string, position: number): "" | "\n" | "\r" | "\r\n" {
  if (text[position] === "\n") return "\n";
  if (text[position] !== "\r") return "";
  return text[position + 1] === "\n" ? "\r\n" : "\r";
}
