import assert from "node:assert/strict";
import { test } from "node:test";

import { accepted, bytesOf, refused } from "./testing.ts";

const zip = (entries: string) => new Uint8Array([0x50, 0x4b, 3, 4, ...bytesOf(entries)]);

const foreign: readonly [what: string, bytes: Uint8Array, code: string][] = [
  ["an xlsx workbook", zip("[Content_Types].xml…xl/workbook.xml"), "FILE_TYPE_XLSX"],
  [
    "an ods workbook",
    zip("mimetypeapplication/vnd.oasis.opendocument.spreadsheet"),
    "FILE_TYPE_ODS",
  ],
  ["a zip of something else", zip("leads.csv"), "FILE_TYPE_ZIP"],
  ["an empty zip", new Uint8Array([0x50, 0x4b, 5, 6, 0, 0]), "FILE_TYPE_ZIP"],
  ["an xls workbook", new Uint8Array([0xd0, 0xcf, 0x11, 0xe0, 0xa1]), "FILE_TYPE_XLS"],
  ["a PDF", bytesOf("%PDF-1.7"), "FILE_TYPE_PDF"],
  ["gzip", new Uint8Array([0x1f, 0x8b, 8, 0]), "FILE_TYPE_GZIP"],
  ["bzip2", bytesOf("BZh91AY"), "FILE_TYPE_UNSUPPORTED"],
  ["7z", new Uint8Array([0x37, 0x7a, 0xbc, 0xaf, 0x27, 0x1c]), "FILE_TYPE_UNSUPPORTED"],
  ["xz", new Uint8Array([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0]), "FILE_TYPE_UNSUPPORTED"],
  ["a PNG", new Uint8Array([0x89, 0x50, 0x4e, 0x47]), "FILE_TYPE_UNSUPPORTED"],
  ["a JPEG", new Uint8Array([0xff, 0xd8, 0xff, 0xe0]), "FILE_TYPE_UNSUPPORTED"],
  ["a GIF", bytesOf("GIF89a"), "FILE_TYPE_UNSUPPORTED"],
  ["Parquet", bytesOf("PAR1"), "FILE_TYPE_UNSUPPORTED"],
  ["HTML behind white space and a mark", bytesOf("\ufeff \n<!DOCTYPE html>"), "FILE_TYPE_HTML"],
  ["XML", bytesOf('<?xml version="1.0"?><Workbook/>'), "FILE_TYPE_UNSUPPORTED"],
  ["a JSON object", bytesOf('{"first_name":"Ann"}'), "FILE_TYPE_JSON"],
  ["a JSON array", bytesOf('[\n  {"first_name":"Ann"}]'), "FILE_TYPE_JSON"],
  ["rich text", bytesOf("{\\rtf1 first_name"), "FILE_TYPE_UNSUPPORTED"],
];

for (const [what, bytes, code] of foreign) {
  test(`${what} is refused as ${code} with advice`, () => {
    const problem = refused(bytes);
    assert.equal(problem.code, code);
    assert.equal(problem.httpStatus, 415);
    assert.match(problem.message, /^This (?:is|file).*(?:CSV)/);
  });
}

test("a lead called PK or BZ does not make the file an archive", () => {
  assert.equal(accepted("PK,first_name,last_name,dob\nBZ,Ann,Lee,15/03/1990").rows.length, 1);
});
