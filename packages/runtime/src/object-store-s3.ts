import { Readable } from "node:stream";

import {
  DeleteObjectCommand,
  GetObjectCommand,
  HeadBucketCommand,
  NoSuchKey,
  paginateListObjectsV2,
  PutObjectCommand,
  S3Client,
} from "@aws-sdk/client-s3";

import type { ObjectStore } from "./object-store.ts";

export interface S3Options {
  readonly bucket: string;
  /** A server other than AWS; addressed by path, as such servers expect. */
  readonly endpoint?: string;
  readonly region?: string;
  /** Default 30 s, for each of up to three tries. */
  readonly requestTimeoutMs?: number;
}

const CONNECT_TIMEOUT_MS = 5_000;
const REQUEST_TIMEOUT_MS = 30_000;

/** Amazon S3 or a server that speaks its API. Credentials come from the AWS SDK's own variables. */
export function createS3ObjectStore(options: S3Options): ObjectStore {
  const { bucket, endpoint, region, requestTimeoutMs = REQUEST_TIMEOUT_MS } = options;
  const client = new S3Client({
    requestHandler: {
      connectionTimeout: CONNECT_TIMEOUT_MS,
      requestTimeout: requestTimeoutMs,
      // Without it the SDK writes a warning and waits on, for ever.
      throwOnRequestTimeout: true,
      // The same for an answer that begins and then stands still.
      socketTimeout: requestTimeoutMs,
    },
    ...(region === undefined ? {} : { region }),
    ...(endpoint === undefined ? {} : { endpoint, forcePathStyle: true }),
  });
  return {
    async put(key, bytes) {
      await client.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: bytes }));
    },
    async get(key) {
      try {
        const answer = await client.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
        if (!(answer.Body instanceof Readable)) throw new Error("S3 sent an object without a body");
        return { stream: answer.Body, byteCount: answer.ContentLength ?? 0 };
      } catch (error) {
        if (error instanceof NoSuchKey) return undefined;
        throw error;
      }
    },
    async delete(key) {
      await client.send(new DeleteObjectCommand({ Bucket: bucket, Key: key }));
    },
    async *list(folder) {
      const pages = paginateListObjectsV2({ client }, { Bucket: bucket, Prefix: folder });
      for await (const { Contents: objects = [] } of pages) {
        for (const { Key: key, LastModified: modifiedAt } of objects) {
          if (key !== undefined && modifiedAt !== undefined) yield { key, modifiedAt };
        }
      }
    },
    // A put is one request: either there is an object, or there is nothing.
    removeLeftovers: async () => 0,
    async check() {
      await client.send(new HeadBucketCommand({ Bucket: bucket }));
    },
    async [Symbol.asyncDispose]() {
      client.destroy();
    },
  };
}
