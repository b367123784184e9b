import { isAccidentalPair, type SpannedRecord } from "./accidental-pair.ts";
import { decode } from "./decode.ts";
import { fileProblem, type FileProblem } from "./file-problem.ts";
import { fileWarnings } from "./file-warnings.ts";
import { findHeader, type FoundHeader } from "./find-header.ts";
import type { FileRow, LeadFileLimits, LeadFileReading } from "./lead-file.ts";
import { createRecordReader } from "./record-reader.ts";
import { findRowProblem } from "./row-problem.ts";
import { sniffBytes, sniffText } from "./sniff.ts";
import { hasControlCharacter, removeControlCharacters } from "./text.ts";

interface RowsReading {
  readonly rows: readonly FileRow[];
  readonly blankRowCount: number;
}

const NEWLINE_KINDS = [/\r\n/, /\r(?!\n)/, /(?:^|[^\r])\n/] as const;

/**
 * Reads an uploaded file: decodes it, finds its header and delimiter, and splits it into rows.
 *
 * Never throws on any bytes. The same bytes and limits always give the same rows, so ingest and
 * validator see one file alike. Blank rows are no rows; a damaged row is a row with a `problem`,
 * and costs no other row.
 */
export function readLeadFile(bytes: Uint8Array, limits: LeadFileLimits): LeadFileReading {
  const foreign = sniffBytes(bytes);
  if (foreign !== null) return refused(foreign);
  const decoding = decode(bytes);
  if (decoding.kind === "binary") {
    return refused(fileProblem("FILE_BINARY", "This is not a text file"));
  }
  if (decoding.kind === "undecodable") {
    const message = `Line ${decoding.lineNumber} could not be read as text. Save as CSV UTF-8`;
    return refused(fileProblem("FILE_ENCODING_UNKNOWN", message));
  }
  const { text, encoding, isAssumed } = decoding;
  if (text.trim() === "") return refused(fileProblem("FILE_EMPTY", "The file is empty"));
  const markup = sniffText(text);
  if (markup !== null) return refused(markup);

  const search = findHeader(text);
  if (search.kind === "refused") return refused(search.problem);
  const { found } = search;
  const reading = readRows(text, found, limits);
  const problem = rowCountProblem(reading.rows.length, limits);
  if (problem !== null) return refused(problem);
  const { delimiter, header } = found;
  const columns = found.cells.map(removeControlCharacters);
  const hasMixedNewlines = NEWLINE_KINDS.filter((kind) => kind.test(text)).length > 1;
  const facts = { ...reading, found, isEncodingAssumed: isAssumed, hasMixedNewlines };
  const dialect = { encoding, delimiter, header };
  return {
    kind: "accepted",
    file: { dialect, columns, warnings: fileWarnings(facts), rows: reading.rows },
  };
}

/** Stops one row past the limit: a file that is too long is refused without being read whole. */
function readRows(text: string, found: FoundHeader, { maxRows }: LeadFileLimits): RowsReading {
  const { delimiter, header, cells: columns, next: start } = found;
  const shape = {
    header,
    columnCount: columns.length,
    mayHaveControls: hasControlCharacter(text),
  };
  const pairOptions = { delimiter, columnCount: columns.length, dobColumn: header.dob };
  const isAccident = (record: SpannedRecord) => isAccidentalPair(record, pairOptions);
  const reader = createRecordReader(text, { delimiter, start, isAccident });
  const rows: FileRow[] = [];
  while (rows.length <= maxRows) {
    const record = reader.next();
    if (record === null) break;
    rows.push({
      rowNumber: rows.length + 1,
      lineNumber: record.firstLine,
      cells: record.cells,
      problem: findRowProblem(record, shape),
    });
  }
  return { rows, blankRowCount: reader.blankCount() };
}

function rowCountProblem(rowCount: number, { maxRows }: LeadFileLimits): FileProblem | null {
  if (rowCount === 0) {
    return fileProblem("FILE_NO_ROWS", "The file has a header row but no leads");
  }
  if (rowCount <= maxRows) return null;
  const message = `This file has more than ${maxRows.toLocaleString("en-GB")} leads. Split it`;
  return fileProblem("FILE_TOO_MANY_ROWS", message);
}

function refused(problem: FileProblem): LeadFileReading {
  return { kind: "refused", problem };
}
