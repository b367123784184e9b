import type { Problem, ProblemCode } from "@valify/contracts/api";
import type { FastifyReply } from "fastify";

/** What went wrong, as a value. `code` is stable; `detail` is for the caller's eyes, never logged. */
export interface Failure {
  readonly status: number;
  readonly code: ProblemCode;
  readonly detail: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Of FILE_DUPLICATE: where the same bytes are. */
  readonly batchId?: string;
}

/** The part of a reply that is needed here; a route's own reply type narrows its status codes. */
type ProblemReply = Pick<FastifyReply, "raw"> & {
  code(status: number): unknown;
  headers(values: Readonly<Record<string, string>>): unknown;
  send(body: unknown): unknown;
};

const PROBLEM_TYPE = "application/problem+json; charset=utf-8";

/** RFC 9457 form of a failure. */
function problemOf({ status, code, detail, batchId }: Failure): Problem {
  const words = code.toLowerCase().replaceAll("_", " ");
  const title = words.charAt(0).toUpperCase() + words.slice(1);
  const extra = batchId === undefined ? {} : { batch_id: batchId };
  return { type: `urn:valify:problem:${code}`, title, status, code, detail, ...extra };
}

/** Answers with problem+json. Already text, so that no response schema looks at it. */
export function sendProblem<Reply extends ProblemReply>(reply: Reply, failure: Failure): Reply {
  reply.code(failure.status);
  reply.headers({ ...failure.headers, "content-type": PROBLEM_TYPE });
  reply.send(JSON.stringify(problemOf(failure)));
  return reply;
}

export const failures = {
  authRequired: {
    status: 401,
    code: "AUTH_REQUIRED",
    detail: "Send an API key as Authorization: Bearer <key>, or sign in at /batch_admin",
    headers: { "www-authenticate": 'Bearer realm="valify"' },
  },
  authInvalid: {
    status: 401,
    code: "AUTH_INVALID",
    detail: "The API key or the session is unknown, revoked or expired",
    headers: { "www-authenticate": 'Bearer realm="valify", error="invalid_token"' },
  },
  csrfRefused: {
    status: 403,
    code: "CSRF_REFUSED",
    detail: "This request came from another site, or does not say where it came from",
  },
  userNotFound: {
    status: 404,
    code: "USER_NOT_FOUND",
    detail: "There is no such user",
  },
  sessionNotFound: {
    status: 404,
    code: "SESSION_NOT_FOUND",
    detail: "There is no such session, or it has ended",
  },
  apiKeyNotFound: {
    status: 404,
    code: "API_KEY_NOT_FOUND",
    detail: "There is no such API key, or it was revoked before",
  },
  tenantNotFound: {
    status: 404,
    code: "TENANT_NOT_FOUND",
    detail: "There is no such tenant",
  },
  permissionMissing: {
    status: 403,
    code: "PERMISSION_MISSING",
    detail: "Your role or API key does not permit this",
  },
  batchNotFound: {
    status: 404,
    code: "BATCH_NOT_FOUND",
    detail: "There is no such batch",
  },
  endpointNotFound: {
    status: 404,
    code: "ENDPOINT_NOT_FOUND",
    detail: "There is no such endpoint",
  },
  batchCancelled: {
    status: 409,
    code: "BATCH_CANCELLED",
    detail: "The batch was cancelled: nothing more is sent for it",
  },
  replayNotFound: {
    status: 404,
    code: "REPLAY_NOT_FOUND",
    detail: "There is no such replay",
  },
  deliveryNotFound: {
    status: 404,
    code: "DELIVERY_NOT_FOUND",
    detail: "There is no such delivery",
  },
  leadNotFound: {
    status: 404,
    code: "LEAD_NOT_FOUND",
    detail: "There is no such lead, or nothing is held of it any more",
  },
  erasureNotFound: {
    status: 404,
    code: "ERASURE_NOT_FOUND",
    detail: "There is no such erasure",
  },
  erasureMismatch: {
    status: 409,
    code: "ERASURE_MISMATCH",
    detail: "confirm names a row of another person than lead_id or lead_uuid",
  },
  cursorInvalid: {
    status: 400,
    code: "CURSOR_INVALID",
    detail: "cursor must be the next_cursor of an earlier answer, unchanged",
  },
  databaseUnavailable: {
    status: 503,
    code: "DATABASE_UNAVAILABLE",
    detail: "The database does not answer. Nothing was changed; try again",
    headers: { "retry-after": "5" },
  },
  objectStoreUnavailable: {
    status: 503,
    code: "OBJECT_STORE_UNAVAILABLE",
    detail: "The file storage does not answer. Nothing was changed; try again",
    headers: { "retry-after": "5" },
  },
  brokerUnavailable: {
    status: 503,
    code: "BROKER_UNAVAILABLE",
    detail: "The message broker does not answer. Try again: nothing is sent twice",
    headers: { "retry-after": "5" },
  },
  ruleUnknown: {
    status: 422,
    code: "RULE_UNKNOWN",
    detail: "levels names a code that is no rule, or one that cannot be changed",
  },
  ruleProfileChanged: {
    status: 412,
    code: "RULE_PROFILE_CHANGED",
    detail: "The profile was changed since you read it. Read it again, then send your change",
  },
  routeNotFound: {
    status: 404,
    code: "ROUTE_NOT_FOUND",
    detail: "There is no such route",
  },
  internal: {
    status: 500,
    code: "INTERNAL",
    detail: "Something went wrong on our side. It is logged",
  },
} as const satisfies Record<string, Failure>;
