import { RESULT_COLUMNS } from "./results-writer.ts";

/** `tombstones`: the rows stay, saying that they were erased. `nothing`: they go. */
export type Leaving = "tombstones" | "nothing";

const LINE_END = "\r\n";
const CELL = /(?:"((?:[^"]|"")*)"|([^,]*))(,|$)/gsy;

/**
 * A results file as our own writer made it, without some rows. Every other row stays as it is, byte
 * for byte. Done twice it changes nothing more. A record may be longer than a reader of uploads would
 * follow one, so it has a splitter of its own.
 */
export function eraseResultRows(
  bytes: Uint8Array,
  rowNumbers: ReadonlySet<number>,
  leaving: Leaving,
): Uint8Array {
  const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  const [header = "", ...records] = recordsOf(text);
  const place = cellsOf(header).lastIndexOf("row_number");
  if (place < 0) throw new Error("not a results file");
  const kept = records.flatMap((record) => {
    const rowNumber = Number(cellsOf(record)[place]);
    if (!rowNumbers.has(rowNumber)) return [record];
    return leaving === "nothing" ? [] : [tombstoneOf(place, rowNumber)];
  });
  return Buffer.from([header, ...kept].join(""));
}

/** Each with its line end. A line end within quotes is part of a cell. */
function recordsOf(text: string): readonly string[] {
  const records: string[] = [];
  let start = 0;
  let end = 0;
  for (let quotes = 0; end < text.length;) {
    const found = text.indexOf(LINE_END, end);
    const next = found < 0 ? text.length : found + LINE_END.length;
    quotes += countQuotes(text, end, next);
    end = next;
    if (quotes % 2 === 1 && end < text.length) continue;
    records.push(text.slice(start, end));
    start = end;
    quotes = 0;
  }
  return records;
}

function countQuotes(text: string, from: number, to: number): number {
  let count = 0;
  for (let place = text.indexOf('"', from); place >= 0 && place < to;) {
    count += 1;
    place = text.indexOf('"', place + 1);
  }
  return count;
}

function cellsOf(record: string): readonly string[] {
  const line = record.endsWith(LINE_END) ? record.slice(0, -LINE_END.length) : record;
  const cells: string[] = [];
  for (const [, quoted, bare, end] of line.matchAll(CELL)) {
    cells.push(quoted?.replaceAll('""', '"') ?? bare ?? "");
    if (end === "") break;
  }
  return cells;
}

function tombstoneOf(place: number, rowNumber: number): string {
  const own = Array.from({ length: place }, () => "");
  const verdict = RESULT_COLUMNS.map((column) => {
    if (column === "row_number") return String(rowNumber);
    return column === "status" ? "erased" : "";
  });
  return [...own, ...verdict].join(",") + LINE_END;
}
