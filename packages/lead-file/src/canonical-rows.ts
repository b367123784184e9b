import type { LeadFile } from "./lead-file.ts";

const CELL_END = "\u001f";
const ROW_END = "\u001e";

/**
 * The leads of a file as one text, the same however they were encoded, quoted, separated, arranged in
 * columns or broken into lines: its hash tells a file that was only saved again.
 */
export function canonicalRows({ rows, dialect }: Pick<LeadFile, "rows" | "dialect">): string {
  const { first_name: firstName, last_name: lastName, dob } = dialect.header;
  return rows
    .map(({ cells }) =>
      [firstName, lastName, dob].map((index) => (cells[index] ?? "").trim()).join(CELL_END),
    )
    .join(ROW_END);
}
