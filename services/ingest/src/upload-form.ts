import { fastifyMultipart, type MultipartFile } from "@fastify/multipart";
import type { ProblemCode } from "@valify/contracts/api";
import type { FastifyInstance, FastifyRequest } from "fastify";

import { cleanFilename } from "./domain/filename.ts";
import type { Failure } from "./problem.ts";

export type UploadForm =
  | {
      readonly kind: "file";
      readonly filename: string;
      readonly bytes: Buffer;
      /** The form's other fields; of two with one name the last. */
      readonly fields: ReadonlyMap<string, string>;
    }
  | { readonly kind: "refused"; readonly failure: Failure };

const FILE_FIELD = "file";
/** Fields and files beside ours are ignored, but not without end. */
const LIMITS = { fields: 20, fieldSize: 16_384, fieldNameSize: 200, files: 5, parts: 25 };
const UNANNOUNCED_BYTES = 64 * 1024;
/** What the form around a file of the full size may weigh: boundaries, names, other fields. */
const FORM_BYTES_MAX = 1024 * 1024;

/** In a scope of its own: every other route has no business with forms. */
export async function acceptUploadForms(app: FastifyInstance, fileBytesMax: number) {
  app.removeAllContentTypeParsers();
  await app.register(fastifyMultipart, {
    // Both are needed: without fileSize the plugin takes the body limit for it.
    limits: { ...LIMITS, fileSize: fileBytesMax },
    throwFileSizeLimit: false,
  });
}

/** What is known to be wrong before a byte of the body is read. */
export function refuseUnread(request: FastifyRequest, fileBytesMax: number): Failure | null {
  const { "content-encoding": encoding, "content-length": length } = request.headers;
  if (encoding !== undefined && encoding.toLowerCase() !== "identity") {
    return {
      status: 415,
      code: "CONTENT_ENCODING_UNSUPPORTED",
      detail: "Send the file uncompressed",
    };
  }
  if (!request.isMultipart()) {
    return {
      status: 415,
      code: "CONTENT_TYPE_UNSUPPORTED",
      detail: `Send multipart/form-data with the CSV in the field "${FILE_FIELD}"`,
    };
  }
  return Number(length ?? 0) > fileBytesMax + FORM_BYTES_MAX ? tooLarge(fileBytesMax) : null;
}

/** Reads the one file of the form into memory, bounded. */
export async function readUploadForm(
  request: FastifyRequest,
  fileBytesMax: number,
): Promise<UploadForm> {
  try {
    return await readParts(request, fileBytesMax);
  } catch {
    // Nothing but the client's bytes is read here, so whatever broke is in them.
    return refused(400, "FORM_INVALID", "The form is cut off, malformed or has too many parts");
  }
}

async function readParts(request: FastifyRequest, fileBytesMax: number): Promise<UploadForm> {
  let found: { readonly filename: string; readonly bytes: Buffer } | undefined;
  const fields = new Map<string, string>();
  for await (const part of request.parts()) {
    if (part.type !== "file") {
      if (typeof part.value === "string") fields.set(part.fieldname, part.value);
      continue;
    }
    if (part.fieldname !== FILE_FIELD) {
      part.file.resume();
      continue;
    }
    if (found !== undefined) return refused(400, "FILE_NOT_SINGLE", "Send one file at a time");
    const bytes = await readFile(part, Math.min(fileBytesMax, bodyLengthOf(request)));
    if (bytes === null) return { kind: "refused", failure: tooLarge(fileBytesMax) };
    found = { filename: cleanFilename(part.filename), bytes };
  }
  if (found !== undefined) return { kind: "file", ...found, fields };
  return refused(400, "FILE_MISSING", `Send the CSV as a file in the form field "${FILE_FIELD}"`);
}

/**
 * Into one buffer of the size that is announced: a list of chunks joined at the end would hold every
 * file twice. Null where the parser cut the file off at its limit.
 */
async function readFile({ file }: MultipartFile, byteCountGuess: number): Promise<Buffer | null> {
  let buffer: Buffer = Buffer.allocUnsafeSlow(byteCountGuess);
  let byteCount = 0;
  const stream: AsyncIterable<Buffer> = file;
  for await (const chunk of stream) {
    if (byteCount + chunk.length > buffer.length) buffer = enlarged(buffer, chunk.length);
    byteCount += chunk.copy(buffer, byteCount);
  }
  return file.truncated ? null : buffer.subarray(0, byteCount);
}

/** Where no length was announced: at least twice the room, so that few copies are made. */
function enlarged(buffer: Buffer, moreByteCount: number): Buffer {
  const larger = Buffer.allocUnsafeSlow(Math.max(2 * buffer.length, buffer.length + moreByteCount));
  buffer.copy(larger);
  return larger;
}

function bodyLengthOf({ headers }: FastifyRequest): number {
  return Number(headers["content-length"] ?? UNANNOUNCED_BYTES);
}

function tooLarge(fileBytesMax: number): Failure {
  const size = `${(fileBytesMax / 1024 / 1024).toLocaleString("en-GB")} MB`;
  return { status: 413, code: "FILE_TOO_LARGE", detail: `Files can be up to ${size}` };
}

function refused(status: number, code: ProblemCode, detail: string): UploadForm {
  return { kind: "refused", failure: { status, code, detail } };
}
