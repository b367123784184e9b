import type { FastifyReply, FastifyRequest } from "fastify";

import type { AcceptUpload } from "./accept-upload.ts";
import type { Admission } from "./admission.ts";
import { actorOf, mayUse, tenantOf } from "./auth.ts";
import { createGarbageCollector } from "./collect-garbage.ts";
import { createUploadSlots } from "./domain/upload-slots.ts";
import { readIdempotencyKey } from "./idempotency-key.ts";
import type { Failure } from "./problem.ts";
import { readUploadForm, refuseUnread } from "./upload-form.ts";
import { readUploadOptions } from "./upload-options.ts";
import type { UploadOutcome } from "./upload-outcome.ts";

/** At most this many files are in memory, whatever the number of clients. */
const SMALL_UPLOADS_MAX = 8;
/**
 * One is parsed at a time, so more than a file that comes, one at work and one on its way to the
 * store would only take room. In slots of their own: a large file on a slow line delays no small one.
 */
const LARGE_UPLOADS_MAX = 3;
const WAITING_UPLOADS_MAX = 64;
/** Files from this size on are cleaned up after before the next one may come. */
const LARGE_BYTES = 1024 * 1024;
const WAIT_MAX_MS = 20_000;

const busy: Failure = {
  status: 503,
  code: "UPLOADS_BUSY",
  detail: "Too many uploads at once. Try again in a moment",
  headers: { "retry-after": "5" },
};
const priorityRefused: Failure = {
  status: 403,
  code: "PERMISSION_MISSING",
  detail: "priority=high needs the permission operations:write",
};

export interface ReceiveUploadDeps {
  readonly acceptUpload: AcceptUpload;
  readonly admission: Pick<Admission, "refusal">;
  readonly fileBytesMax: number;
  readonly now: () => Date;
}

/** One set of slots for all routes that take uploads: the bound is the process's memory. */
export function createReceiveUpload(deps: ReceiveUploadDeps) {
  const { acceptUpload, admission, fileBytesMax, now } = deps;
  const collectGarbage = createGarbageCollector();
  const slots = { small: slotsFor(SMALL_UPLOADS_MAX), large: slotsFor(LARGE_UPLOADS_MAX) };

  async function readAndAccept(
    request: FastifyRequest,
    idempotencyKey: string | null,
  ): Promise<UploadOutcome> {
    const form = await readUploadForm(request, fileBytesMax);
    if (form.kind === "refused") return form;
    const { filename, bytes, fields } = form;
    const reading = readUploadOptions(queryOf(request), fields);
    if (reading.kind === "refused") return reading;
    const { options } = reading;
    if (options.batch.priority === "high" && !mayUse(request, "operations:write")) {
      return { kind: "refused", failure: priorityRefused };
    }
    const actor = actorOf(request);
    return acceptUpload({ actor, filename, bytes, idempotencyKey, options }, now());
  }

  return async function receiveUpload(
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<UploadOutcome> {
    const failure = admission.refusal() ?? refuseUnread(request, fileBytesMax);
    if (failure !== null) return { kind: "refused", failure };
    const reading = readIdempotencyKey(request);
    if (reading.kind === "refused") return reading;
    // While it waits, the body stays on the socket. A client that leaves gives its place up.
    const gone = new AbortController();
    const leave = () => gone.abort();
    reply.raw.once("close", leave);
    const size = sizeOf(request);
    const release = await slots[size].take(
      tenantOf(request),
      AbortSignal.any([gone.signal, AbortSignal.timeout(WAIT_MAX_MS)]),
    );
    if (release === null) return { kind: "refused", failure: busy };
    try {
      return await readAndAccept(request, reading.key);
    } finally {
      if (size === "large") collectGarbage();
      release();
      // What was not read of a refused form has to leave the socket, or the connection is stuck.
      request.raw.unpipe().resume();
    }
  };
}

function slotsFor(slotsMax: number) {
  return createUploadSlots({ slotsMax, waitingMax: WAITING_UPLOADS_MAX });
}

/** By what is announced; of unannounced length it may be large. */
function sizeOf({ headers }: FastifyRequest): "small" | "large" {
  return Number(headers["content-length"] ?? LARGE_BYTES) < LARGE_BYTES ? "small" : "large";
}

function queryOf({ query }: FastifyRequest): Readonly<Record<string, unknown>> {
  return typeof query === "object" && query !== null ? { ...query } : {};
}

export type ReceiveUpload = ReturnType<typeof createReceiveUpload>;
