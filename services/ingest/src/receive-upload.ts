import type { FastifyReply, FastifyRequest } from "fastify";

import type { AcceptUpload, UploadOutcome } from "./accept-upload.ts";
import { actorOf } from "./auth.ts";
import { createUploadSlots } from "./domain/upload-slots.ts";
import type { Failure } from "./problem.ts";
import { readUploadForm, refuseUnread } from "./upload-form.ts";

/** At most this many files are in memory, whatever the number of clients. */
const UPLOADS_MAX = 8;
const WAITING_UPLOADS_MAX = 64;
const WAIT_MAX_MS = 20_000;
const IDEMPOTENCY_KEY = /^[\x20-\x7e]{1,255}$/;

const busy: Failure = {
  status: 503,
  code: "UPLOADS_BUSY",
  detail: "Too many uploads at once. Try again in a moment",
  headers: { "retry-after": "5" },
};
const keyInvalid: Failure = {
  status: 400,
  code: "IDEMPOTENCY_KEY_INVALID",
  detail: "Idempotency-Key must be 1 to 255 printable ASCII characters",
};

export interface ReceiveUploadDeps {
  readonly acceptUpload: AcceptUpload;
  readonly fileBytesMax: number;
  readonly now: () => Date;
}

/** One set of slots for all routes that take uploads: the bound is the process's memory. */
export function createReceiveUpload({ acceptUpload, fileBytesMax, now }: ReceiveUploadDeps) {
  const slots = createUploadSlots({ slotsMax: UPLOADS_MAX, waitingMax: WAITING_UPLOADS_MAX });

  async function readAndAccept(
    request: FastifyRequest,
    idempotencyKey: string | null,
  ): Promise<UploadOutcome> {
    const form = await readUploadForm(request, fileBytesMax);
    if (form.kind === "refused") return form;
    const { filename, bytes } = form;
    return acceptUpload({ actor: actorOf(request), filename, bytes, idempotencyKey }, now());
  }

  return async function receiveUpload(
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<UploadOutcome> {
    const key = request.headers["idempotency-key"] ?? null;
    const failure = refuseUnread(request, fileBytesMax);
    if (failure !== null) return { kind: "refused", failure };
    if (Array.isArray(key) || (key !== null && !IDEMPOTENCY_KEY.test(key))) {
      return { kind: "refused", failure: keyInvalid };
    }
    // While it waits, the body stays on the socket. A client that leaves gives its place up.
    const gone = new AbortController();
    const leave = () => gone.abort();
    reply.raw.once("close", leave);
    const release = await slots.take(
      AbortSignal.any([gone.signal, AbortSignal.timeout(WAIT_MAX_MS)]),
    );
    if (release === null) return { kind: "refused", failure: busy };
    try {
      return await readAndAccept(request, key);
    } finally {
      release();
      // What was not read of a refused form has to leave the socket, or the connection is stuck.
      request.raw.unpipe().resume();
    }
  };
}

export type ReceiveUpload = ReturnType<typeof createReceiveUpload>;
