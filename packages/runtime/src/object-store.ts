import type { Readable } from "node:stream";

import { ConfigError } from "./config.ts";
import { createFsObjectStore } from "./object-store-fs.ts";
import type { S3Options } from "./object-store-s3.ts";

/** One entry of a listing. */
export interface ListedObject {
  readonly key: string;
  /** By the store's own clock. */
  readonly modifiedAt: Date;
}

export interface StoredObject {
  readonly stream: Readable;
  readonly byteCount: number;
}

/**
 * Whole objects by key, in either of two drivers. Keys are ours (ids and slashes), never a user's
 * file name. A put that was answered is durable and complete; a failed one leaves nothing visible.
 */
export interface ObjectStore extends AsyncDisposable {
  put(key: string, bytes: Uint8Array): Promise<void>;
  /** Undefined: no such object. The caller must read or destroy the stream. */
  get(key: string): Promise<StoredObject | undefined>;
  /** Deleting what is not there is a success. */
  delete(key: string): Promise<void>;
  /** Every object below a folder (`uploads/`), in any order, a page at a time. For housekeeping. */
  list(folder: string): AsyncIterable<ListedObject>;
  /**
   * Removes what puts that were killed before this instant left behind, and returns how many. None
   * of it is an object, so nobody ever reads it.
   */
  removeLeftovers(before: Date): Promise<number>;
  /** Rejects when the store can't be used. */
  check(): Promise<void>;
}

export interface ObjectStoreSettings {
  readonly OBJECT_STORE_URL?: string | undefined;
  readonly S3_BUCKET?: string | undefined;
}

/**
 * `file:///dir`, or `s3://bucket?endpoint=…&region=…`, or S3_BUCKET alone with the AWS SDK's own
 * variables. Rejects with ConfigError for anything else.
 */
export async function createObjectStore(settings: ObjectStoreSettings): Promise<ObjectStore> {
  if (settings.OBJECT_STORE_URL === undefined) {
    if (settings.S3_BUCKET === undefined) throw new ConfigError("OBJECT_STORE_URL is missing");
    return createS3({ bucket: settings.S3_BUCKET });
  }
  const url = URL.parse(settings.OBJECT_STORE_URL);
  // `file://data/x` names a host, not a folder: two slashes where three are needed.
  if (url?.protocol === "file:" && url.hostname === "") return createFsObjectStore(url);
  if (url?.protocol === "s3:" && url.hostname !== "") {
    const endpoint = url.searchParams.get("endpoint");
    const region = url.searchParams.get("region");
    return createS3({
      bucket: url.hostname,
      ...(endpoint === null ? {} : { endpoint }),
      ...(region === null ? {} : { region }),
    });
  }
  throw new ConfigError("OBJECT_STORE_URL must begin with file:/// or s3://bucket");
}

/** The SDK is loaded by whoever opens a bucket: half of the services open none. */
async function createS3(options: S3Options): Promise<ObjectStore> {
  const { createS3ObjectStore } = await import("./object-store-s3.ts");
  return createS3ObjectStore(options);
}

/** Reads an object whole. Throws when it is larger than `bytesMax`; undefined when it is not there. */
export async function readObject(
  store: Pick<ObjectStore, "get">,
  key: string,
  bytesMax: number,
): Promise<Uint8Array | undefined> {
  const object = await store.get(key);
  if (object === undefined) return undefined;
  const chunks: Buffer[] = [];
  let byteCount = 0;
  const stream: AsyncIterable<Buffer> = object.stream;
  for await (const bytes of stream) {
    byteCount += bytes.length;
    if (byteCount > bytesMax) throw new Error(`object ${key} is larger than ${bytesMax} bytes`);
    chunks.push(bytes);
  }
  return Buffer.concat(chunks);
}
