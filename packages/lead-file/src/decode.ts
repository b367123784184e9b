import iconv from "iconv-lite";

export type Encoding = "utf-8" | "utf-16le" | "utf-16be" | "windows-1252";

/** `isAssumed`: nothing in the bytes proves the encoding, so the uploader should look at accents. */
export type Decoding =
  | {
      readonly kind: "text";
      readonly text: string;
      readonly encoding: Encoding;
      isAssumed: boolean;
    }
  | { readonly kind: "undecodable"; readonly lineNumber: number }
  | { readonly kind: "binary" };

const SAMPLE_BYTE_COUNT = 1_024;
/** UTF-16 of a header in Latin letters has a NUL in nearly every unit; a quarter is ample. */
const UTF16_NUL_SHARE = 0.25;
/** One stray NUL or control character is a fault of its row; one byte in ten is no text at all. */
const BINARY_CONTROL_SHARE = 0.1;

/** Windows-1252 has no character here: such a file is in some other encoding. */
const UNDEFINED_IN_WINDOWS_1252: ReadonlySet<number> = new Set([0x81, 0x8d, 0x8f, 0x90, 0x9d]);

const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;

/**
 * Turns bytes into text by a fixed ladder: byte order mark, UTF-16 by its NULs, strict UTF-8, then
 * Windows-1252. Never guesses by statistics (detectors fail on small files of names), and never
 * puts U+FFFD in the place of a byte it cannot read.
 */
export function decode(bytes: Uint8Array): Decoding {
  const marked = encodingOfMark(bytes);
  if (marked !== null) return decodeStrictly(bytes, marked);
  const utf16 = utf16ByNuls(bytes);
  if (utf16 !== null) return decodeStrictly(bytes, utf16);
  if (isBinary(bytes)) return { kind: "binary" };
  const text = tryDecode(bytes, "utf-8");
  if (text !== null) return { kind: "text", text, encoding: "utf-8", isAssumed: false };
  return decodeWindows1252(bytes);
}

function encodingOfMark(bytes: Uint8Array): Encoding | null {
  if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) return "utf-8";
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return "utf-16le";
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return "utf-16be";
  return null;
}

function utf16ByNuls(bytes: Uint8Array): Encoding | null {
  const sample = bytes.subarray(0, SAMPLE_BYTE_COUNT);
  let even = 0;
  let odd = 0;
  for (const [index, byte] of sample.entries()) {
    if (byte !== 0) continue;
    if (index % 2 === 0) even += 1;
    else odd += 1;
  }
  const enough = Math.max(1, (sample.length / 2) * UTF16_NUL_SHARE);
  if (even === 0 && odd >= enough) return "utf-16le";
  if (odd === 0 && even >= enough) return "utf-16be";
  return null;
}

function isBinary(bytes: Uint8Array): boolean {
  const sample = bytes.subarray(0, SAMPLE_BYTE_COUNT);
  let controls = 0;
  for (const byte of sample) {
    // Tab to carriage return and escape occur in text.
    if (byte < 0x09 || (byte > CARRIAGE_RETURN && byte < 0x20 && byte !== 0x1b)) controls += 1;
  }
  return controls > sample.length * BINARY_CONTROL_SHARE;
}

function decodeStrictly(bytes: Uint8Array, encoding: Encoding): Decoding {
  const text = tryDecode(bytes, encoding);
  if (text === null) return { kind: "undecodable", lineNumber: damagedLine(bytes, encoding) };
  // UTF-32 begins like UTF-16LE and then shows a NUL for every other character.
  const sample = text.slice(0, SAMPLE_BYTE_COUNT);
  const nuls = sample.split("\0").length - 1;
  if (nuls > sample.length * BINARY_CONTROL_SHARE) return { kind: "binary" };
  return { kind: "text", text, encoding, isAssumed: false };
}

function decodeWindows1252(bytes: Uint8Array): Decoding {
  const bad = bytes.findIndex((byte) => UNDEFINED_IN_WINDOWS_1252.has(byte));
  if (bad < 0) {
    // Not TextDecoder: several Node releases decode bytes 80-9F of this encoding to C1 controls.
    const text = iconv.decode(bytes, "win1252");
    return { kind: "text", text, encoding: "windows-1252", isAssumed: true };
  }
  // A NUL next to bytes of no encoding: a picture, a program or a database, not a text.
  if (bytes.includes(0)) return { kind: "binary" };
  return { kind: "undecodable", lineNumber: lineOfByte(bytes, bad) };
}

/** A fresh decoder each time, since one that has thrown may keep state. Drops the leading mark. */
function tryDecode(bytes: Uint8Array, encoding: Encoding): string | null {
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch {
    return null;
  }
}

/** Which line of a file with a byte order mark is damaged; only run when the file is refused. */
function damagedLine(bytes: Uint8Array, encoding: Encoding): number {
  const text = new TextDecoder(encoding).decode(bytes);
  const damage = text.indexOf("\ufffd");
  return text.slice(0, Math.max(0, damage)).split(/\r\n|\n|\r/).length;
}

function lineOfByte(bytes: Uint8Array, position: number): number {
  let line = 1;
  for (let index = 0; index < position; index += 1) {
    const isLoneReturn = bytes[index] === CARRIAGE_RETURN && bytes[index + 1] !== LINE_FEED;
    if (bytes[index] === LINE_FEED || isLoneReturn) line += 1;
  }
  return line;
}
