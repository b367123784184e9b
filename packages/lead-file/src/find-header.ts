import { fileProblem, type FileProblem } from "./file-problem.ts";
import {
  ACCEPTED_NAMES,
  headerMapOf,
  type HeaderReading,
  LEAD_FIELDS,
  mappedFieldCount,
  readHeader,
} from "./header-map.ts";
import type { HeaderMap } from "./lead-file.ts";
import { createRecordReader, type Position, type TextRecord } from "./record-reader.ts";
import { quoteForUploader } from "./text.ts";

export interface FoundHeader {
  readonly delimiter: string;
  readonly header: HeaderMap;
  readonly cells: readonly string[];
  /** Where the first data row starts. */
  readonly next: Position;
  /** Lines with text above the header. */
  readonly preambleLineCount: number;
}

export type HeaderSearch =
  | { readonly kind: "found"; readonly found: FoundHeader }
  | { readonly kind: "refused"; readonly problem: FileProblem };

interface Candidate {
  readonly delimiter: string;
  readonly record: TextRecord;
  readonly reading: HeaderReading;
  readonly mappedCount: number;
  /** The records above it that are not blank. */
  readonly above: readonly TextRecord[];
}

const DELIMITERS = [",", ";", "\t", "|"] as const;
/** Exports put a title or a date above the header; data further down is never mistaken for one. */
const SEARCHED_RECORDS_MAX = 5;
/** Bounds the search in a file of nothing but empty quotes. */
const BLANK_RECORDS_MAX = 1_000;
const COLUMNS_MAX = 64;
const FIRST_LINE: Position = { offset: 0, line: 1 };

/** Excel's hint to itself, `sep=;`, alone on the first line. */
const SEPARATOR_LINE = /^"?sep=([^\w\s"]|\t)"?[;,|\t]*(?:\r\n|\n|\r|$)/i;
const DATE_LIKE = /\d{1,4}[/.-]\d{1,2}[/.-]\d{1,4}/;

/** Chooses the delimiter under which the header names all three columns, and maps them. */
export function findHeader(text: string): HeaderSearch {
  const separator = SEPARATOR_LINE.exec(text);
  const start =
    separator === null ? FIRST_LINE : { offset: separator[0].length, line: FIRST_LINE.line + 1 };
  const delimiters = new Set(separator === null ? DELIMITERS : [separator[1] ?? "", ...DELIMITERS]);
  const candidates = [...delimiters].flatMap((delimiter) => candidatesOf(text, delimiter, start));
  const best = bestCandidate(candidates);
  if (best === undefined) return { kind: "refused", problem: missingHeader(candidates) };
  const header = headerMapOf(best.reading);
  if (header === null || standsBelowData(best)) {
    return { kind: "refused", problem: headerProblem(best, candidates) };
  }
  const { delimiter, record, above } = best;
  if (record.cells.length > COLUMNS_MAX) {
    const message = `The header has ${record.cells.length} columns; up to ${COLUMNS_MAX} are read`;
    return { kind: "refused", problem: fileProblem("HEADER_TOO_MANY_COLUMNS", message) };
  }
  const { cells, next } = record;
  return {
    kind: "found",
    found: { delimiter, header, cells, next, preambleLineCount: above.length },
  };
}

function candidatesOf(text: string, delimiter: string, start: Position): Candidate[] {
  const reader = createRecordReader(text, { delimiter, start, blankMax: BLANK_RECORDS_MAX });
  const candidates: Candidate[] = [];
  const above: TextRecord[] = [];
  while (candidates.length < SEARCHED_RECORDS_MAX) {
    const record = reader.next();
    if (record === null) break;
    const reading = readHeader(record.fault === null ? record.cells : []);
    const mappedCount = mappedFieldCount(reading);
    candidates.push({ delimiter, record, reading, mappedCount, above: [...above] });
    above.push(record);
  }
  return candidates;
}

/** The one that names most fields; among equals the higher line, then the commoner delimiter. */
function bestCandidate(candidates: readonly Candidate[]): Candidate | undefined {
  const [best] = candidates.toSorted(
    (a, b) => b.mappedCount - a.mappedCount || a.above.length - b.above.length,
  );
  return best;
}

/** A title above the header has fewer cells than the header; a row as wide as it is a lead. */
function standsBelowData({ record, above }: Candidate): boolean {
  const width = filledCellCount(record.cells);
  return above.some(({ cells }) => filledCellCount(cells) >= width);
}

function headerProblem(best: Candidate, candidates: readonly Candidate[]): FileProblem {
  const { reading, record } = best;
  // A lead may be called First or Last: a row with a date in it is data all the same.
  const isData = record.cells.some((cell) => DATE_LIKE.test(cell));
  const hasHeaderWord = best.mappedCount > 0 || reading.hasFullName;
  if (isData || !hasHeaderWord || standsBelowData(best)) return missingHeader(candidates);
  for (const field of LEAD_FIELDS) {
    const [first, second] = reading.columnsOf[field];
    if (first === undefined || second === undefined) continue;
    const message = `Columns ${first + 1} and ${second + 1} both mean ${field}. Keep one`;
    return fileProblem("HEADER_DUPLICATE", message);
  }
  const missing = LEAD_FIELDS.filter((field) => reading.columnsOf[field].length === 0);
  const lacksBothNames = missing.includes("first_name") && missing.includes("last_name");
  if (reading.hasFullName && lacksBothNames) {
    return fileProblem("HEADER_FULL_NAME", "Give first and last name in separate columns");
  }
  const advice = missing.map(
    (field) => `Column "${field}" is missing. Accepted names: ${ACCEPTED_NAMES[field]}`,
  );
  return fileProblem("HEADER_COLUMN_MISSING", advice.join(". "));
}

function missingHeader(candidates: readonly Candidate[]): FileProblem {
  const firstRows = candidates.filter(({ above }) => above.length === 0);
  const [widest] = firstRows.toSorted((a, b) => b.record.cells.length - a.record.cells.length);
  const found = quoteForUploader((widest?.record.cells ?? []).map((c) => c.trim()).join(", "));
  const message = `The first row must be first_name, last_name, dob; found ${found}`;
  return fileProblem("HEADER_MISSING", message);
}

function filledCellCount(cells: readonly string[]): number {
  return cells.filter((cell) => cell.trim() !== "").length;
}
