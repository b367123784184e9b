import { fastifyRateLimit } from "@fastify/rate-limit";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";

import { hashOfSecret } from "./auth.ts";
import { type Failure, sendProblem } from "./problem.ts";
import { sessionTokenOf } from "./session-cookie.ts";

const WINDOW_MS = 60_000;
/** Callers that are remembered; the least recent is forgotten, so memory stays bounded. */
const CALLERS_MAX = 10_000;
/** Wrong keys and sessions of one address per minute, before any is looked up again. */
const FAILED_LOGINS_PER_MINUTE = 60;

export interface RequestLimits {
  /** Before a key is looked up: an address that guesses keys is not worth a query each time. */
  readonly refuseGuessers: (request: FastifyRequest, reply: FastifyReply) => Promise<unknown>;
  /** After it: so many requests per minute for each key or session. */
  readonly limitCaller: (request: FastifyRequest, reply: FastifyReply) => Promise<unknown>;
  /** On every answer: a 401 counts against its address. */
  readonly countFailure: (request: FastifyRequest, reply: FastifyReply) => Promise<void>;
}

/** Per process and not per installation: a limit against floods, not a quota. 0 = no limit. */
export async function createRequestLimits(
  app: FastifyInstance,
  requestsPerMinute: number,
): Promise<RequestLimits> {
  await app.register(fastifyRateLimit, { global: false });
  const common = { timeWindow: WINDOW_MS, cache: CALLERS_MAX };
  const failures = app.createRateLimit({ ...common, max: FAILED_LOGINS_PER_MINUTE });
  const calls = app.createRateLimit({
    ...common,
    max: requestsPerMinute,
    keyGenerator: (request) => callerOf(request),
  });
  return {
    async refuseGuessers(request, reply) {
      const seen = await failures(request, { increment: false });
      if (seen.isAllowed || seen.remaining > 0) return undefined;
      return sendProblem(reply, limited(seen.ttlInSeconds));
    },
    async limitCaller(request, reply) {
      if (requestsPerMinute === 0) return undefined;
      const call = await calls(request);
      if (call.isAllowed) return undefined;
      reply.headers({
        "ratelimit-limit": String(call.max),
        "ratelimit-remaining": String(call.remaining),
        "ratelimit-reset": String(call.ttlInSeconds),
      });
      return call.isExceeded ? sendProblem(reply, limited(call.ttlInSeconds)) : undefined;
    },
    async countFailure(request, reply) {
      if (reply.statusCode === 401) await failures(request);
    },
  };
}

/** A digest, since secrets have no business in a table that lives as long as the process. */
function callerOf(request: FastifyRequest): string {
  const secret = request.headers.authorization ?? sessionTokenOf(request) ?? request.ip;
  return hashOfSecret(secret).toString("base64url");
}

function limited(seconds: number): Failure {
  return {
    status: 429,
    code: "RATE_LIMITED",
    detail: "Too many requests. Retry-After says when to try again",
    headers: { "retry-after": String(Math.max(1, seconds)) },
  };
}
