import { fieldOfHeader } from "./header-map.ts";
import type { HeaderMap, RowProblem } from "./lead-file.ts";
import type { TextRecord } from "./record-reader.ts";
import { isTemplateSample } from "./template.ts";
import { hasControlCharacter } from "./text.ts";

export interface RowShape {
  readonly header: HeaderMap;
  readonly columnCount: number;
  /** False when the whole file is free of control characters: then no row is searched for them. */
  readonly mayHaveControls: boolean;
}

/** Why a record cannot be read as a lead, or `null` when it can. */
export function findRowProblem(record: TextRecord, shape: RowShape): RowProblem | null {
  return (
    recordProblem(record) ??
    widthProblem(record.cells, shape) ??
    contentProblem(record.cells, shape)
  );
}

function recordProblem({ fault, firstLine, lastLine }: TextRecord): RowProblem | null {
  if (fault === "length") return { code: "ROW_TOO_LARGE", message: "This row is too long" };
  if (fault === "quote") {
    const message = `A quotation mark on line ${firstLine} is not closed or doubled`;
    return { code: "ROW_QUOTE_MALFORMED", message };
  }
  if (firstLine === lastLine) return null;
  const message = `A value on lines ${firstLine}–${lastLine} runs over several lines`;
  return { code: "ROW_EMBEDDED_NEWLINE", message };
}

function widthProblem(cells: readonly string[], shape: RowShape): RowProblem | null {
  const { first_name: firstName, last_name: lastName, dob } = shape.header;
  const expected = shape.columnCount;
  // Excel leaves trailing empty cells out, so only the columns of a lead have to be there.
  if (cells.length <= Math.max(firstName, lastName, dob)) {
    const message = `This row has ${countOf(cells.length)}; ${expected} are expected`;
    return { code: "ROW_TOO_FEW_CELLS", message };
  }
  if (cells.length <= expected) return null;
  if (cells.slice(expected).every((cell) => cell.trim() === "")) return null;
  const message =
    `This row has ${countOf(cells.length)}; ${expected} are expected. ` +
    "Quote a value that holds a comma";
  return { code: "ROW_TOO_MANY_CELLS", message };
}

function contentProblem(cells: readonly string[], shape: RowShape): RowProblem | null {
  const firstName = cells[shape.header.first_name] ?? "";
  const lastName = cells[shape.header.last_name] ?? "";
  const dob = cells[shape.header.dob] ?? "";
  if (shape.mayHaveControls) {
    // Postgres stores no NUL in any text; other controls only harm the columns that are kept.
    const hasNul = cells.some((cell) => cell.includes("\0"));
    if (hasNul || [firstName, lastName, dob].some(hasControlCharacter)) {
      return { code: "ROW_CONTROL_CHAR", message: "Row contains an invisible control character" };
    }
  }
  if (isHeader(firstName, lastName, dob)) {
    return { code: "ROW_REPEATED_HEADER", message: "This row repeats the header" };
  }
  if (isTemplateSample(firstName, lastName, dob)) {
    return { code: "ROW_TEMPLATE_SAMPLE", message: "This is the sample row of the template" };
  }
  return null;
}

const ANY_DIGIT = /\d/;

function isHeader(firstName: string, lastName: string, dob: string): boolean {
  // Nearly every row leaves here: its date has digits, and no name of the dob column has any.
  if (ANY_DIGIT.test(dob)) return false;
  return (
    fieldOfHeader(dob) === "dob" &&
    fieldOfHeader(firstName) === "first_name" &&
    fieldOfHeader(lastName) === "last_name"
  );
}

function countOf(cellCount: number): string {
  return cellCount === 1 ? "1 value" : `${cellCount} values`;
}
