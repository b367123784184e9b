import { fileProblem, type FileProblem } from "./file-problem.ts";

const SAVE_AS_CSV = 'Save it as "CSV UTF-8"';

/** Leading bytes of formats that people upload by mistake. A name or a MIME type proves nothing. */
const SIGNATURES: readonly (readonly [signature: readonly number[], problem: FileProblem])[] = [
  [
    [0xd0, 0xcf, 0x11, 0xe0],
    fileProblem("FILE_TYPE_XLS", `This is an old Excel workbook. ${SAVE_AS_CSV}`),
  ],
  [
    [0x25, 0x50, 0x44, 0x46],
    fileProblem("FILE_TYPE_PDF", "This is a PDF document. Upload the leads as a CSV file"),
  ],
  [
    [0x1f, 0x8b],
    fileProblem("FILE_TYPE_GZIP", "This file is compressed (gzip). Upload the CSV file itself"),
  ],
  [[0x42, 0x5a, 0x68], unsupported("a bzip2 archive")], // BZh
  [[0x37, 0x7a, 0xbc, 0xaf, 0x27, 0x1c], unsupported("a 7z archive")],
  [[0xfd, 0x37, 0x7a, 0x58, 0x5a], unsupported("an xz archive")],
  [[0x89, 0x50, 0x4e, 0x47], unsupported("an image")],
  [[0xff, 0xd8, 0xff], unsupported("an image")],
  [[0x47, 0x49, 0x46, 0x38], unsupported("an image")],
  [[0x50, 0x41, 0x52, 0x31], unsupported("a Parquet file")],
];

const ZIP_SIGNATURES: readonly (readonly number[])[] = [
  [0x50, 0x4b, 0x03, 0x04],
  [0x50, 0x4b, 0x05, 0x06], // an archive without entries
];

const RTF_START = /^\{\\rtf/;
const JSON_START = /^(?:\{|\[\s*(?:[{["]|$))/;
const HTML_START = /^<(?!\?xml)/i;

/** Recognises a file that is no CSV by its first bytes; `null` when it may be text. */
export function sniffBytes(bytes: Uint8Array): FileProblem | null {
  if (ZIP_SIGNATURES.some((signature) => startsWith(bytes, signature))) return zipProblem(bytes);
  return SIGNATURES.find(([signature]) => startsWith(bytes, signature))?.[1] ?? null;
}

/** Recognises HTML, XML, JSON and RTF in decoded text; `null` when it may be a CSV. */
export function sniffText(text: string): FileProblem | null {
  const start = text.slice(0, 1_000).trimStart();
  if (RTF_START.test(start)) return unsupported("a rich text document");
  if (JSON_START.test(start)) {
    return fileProblem("FILE_TYPE_JSON", "This is a JSON file. Upload the leads as a CSV file");
  }
  if (HTML_START.test(start)) {
    return fileProblem("FILE_TYPE_HTML", "This is a web page. Upload the leads as a CSV file");
  }
  return start.startsWith("<") ? unsupported("an XML file") : null;
}

/** Workbooks are ZIP archives; the names of their entries stand in them uncompressed. */
function zipProblem(bytes: Uint8Array): FileProblem {
  const text = new TextDecoder("latin1").decode(bytes);
  if (text.includes("xl/workbook") || text.includes("xl/worksheets")) {
    return fileProblem("FILE_TYPE_XLSX", `This is an Excel workbook. ${SAVE_AS_CSV}`);
  }
  if (text.includes("opendocument.spreadsheet")) {
    return fileProblem("FILE_TYPE_ODS", `This is an OpenDocument spreadsheet. ${SAVE_AS_CSV}`);
  }
  return fileProblem("FILE_TYPE_ZIP", "This is a ZIP archive. Upload the CSV file inside it");
}

function unsupported(what: string): FileProblem {
  return fileProblem("FILE_TYPE_UNSUPPORTED", `This is ${what}. Upload the leads as a CSV file`);
}

function startsWith(bytes: Uint8Array, signature: readonly number[]): boolean {
  return signature.every((byte, index) => bytes[index] === byte);
}
