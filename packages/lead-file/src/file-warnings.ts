import type { FileWarning } from "./file-problem.ts";
import type { FoundHeader } from "./find-header.ts";
import type { FileRow, HeaderMap } from "./lead-file.ts";
import { RESULT_COLUMNS } from "./results-writer.ts";
import { quoteForUploader } from "./text.ts";

export interface ReadingFacts {
  readonly isEncodingAssumed: boolean;
  readonly found: FoundHeader;
  readonly rows: readonly FileRow[];
  readonly blankRowCount: number;
  readonly hasMixedNewlines: boolean;
}

const MONTHS_PER_YEAR = 12;
const NUMERIC_DATE = /^\s*(\d{1,2})[/.-](\d{1,2})[/.-]\d{4}\s*$/;

/** What the uploader should know about a file that was read. */
export function fileWarnings(facts: ReadingFacts): FileWarning[] {
  const { found, rows, blankRowCount } = facts;
  const warnings: FileWarning[] = [];
  const warn = (code: FileWarning["code"], message: string) => warnings.push({ code, message });
  if (facts.isEncodingAssumed) {
    warn("FILE_ENCODING_ASSUMED", "Read as Windows-1252; check the accents");
  }
  if (found.preambleLineCount > 0) {
    const lines = found.preambleLineCount === 1 ? "line" : "lines";
    warn("FILE_PREAMBLE_SKIPPED", `Skipped ${found.preambleLineCount} ${lines} above the header`);
  }
  warnings.push(...ignoredColumns(found));
  if (rows.some(({ problem }) => problem?.code === "ROW_QUOTE_MALFORMED")) {
    warn("FILE_QUOTES_REPAIRED", "Some quotation marks are wrong; those rows are listed");
  }
  if (hasMonthFirst(rows, found.header)) {
    warn("FILE_DOB_ORDER_SUSPECT", "The dates look like mm/dd/yyyy");
  }
  if (facts.hasMixedNewlines) warn("FILE_MIXED_NEWLINES", "The lines end in different ways");
  if (blankRowCount > 0) {
    warn("ROW_BLANK", `${blankRowCount} blank ${blankRowCount === 1 ? "row" : "rows"} skipped`);
  }
  return warnings;
}

/** All but the columns of a lead, and those of a results file of ours that comes back mended. */
function ignoredColumns({ cells, header }: FoundHeader): FileWarning[] {
  const mapped = new Set(Object.values(header));
  const ours = cells.length - RESULT_COLUMNS.length;
  const isResultsFile = RESULT_COLUMNS.every((name, index) => cells[ours + index] === name);
  const end = isResultsFile ? ours : cells.length;
  return [...cells.entries()]
    .filter(([index]) => index < end && !mapped.has(index))
    .map(([index, cell]) =>
      cell.trim() === ""
        ? { code: "HEADER_BLANK", message: `Column ${index + 1} has no name and was ignored` }
        : {
            code: "HEADER_COLUMN_IGNORED",
            message: `Column ${quoteForUploader(cell)} was ignored`,
          },
    );
}

/** The second part is above 12 in some row and the first in none: months seem to come first. */
function hasMonthFirst(rows: readonly FileRow[], header: HeaderMap): boolean {
  let isSuspect = false;
  for (const { cells } of rows) {
    const match = NUMERIC_DATE.exec(cells[header.dob] ?? "");
    if (match === null) continue;
    if (Number(match[1]) > MONTHS_PER_YEAR) return false;
    isSuspect ||= Number(match[2]) > MONTHS_PER_YEAR;
  }
  return isSuspect;
}
