import type { ProblemCode } from "@valify/contracts/api";
import { isDatabaseAway } from "@valify/database";
import type { Logger } from "@valify/runtime";
import type { FastifyError, FastifyInstance } from "fastify";
import { hasZodFastifySchemaValidationErrors } from "fastify-type-provider-zod";

import { type Failure, failures, sendProblem } from "./problem.ts";

/** Fastify's own codes, where there is more to say than REQUEST_INVALID. */
const CODES: Readonly<Record<string, ProblemCode>> = {
  FST_ERR_CTP_INVALID_MEDIA_TYPE: "CONTENT_TYPE_UNSUPPORTED",
  FST_ERR_CTP_BODY_TOO_LARGE: "BODY_TOO_LARGE",
};

/** The one place where an error becomes an answer. Expected outcomes never come here. */
export function failureOf(error: unknown): Failure {
  if (hasZodFastifySchemaValidationErrors(error)) {
    const parts = error.validation.map(({ instancePath, message }) => {
      const name = instancePath.replace(/^\//, "").replaceAll("/", ".");
      return `${name === "" ? error.validationContext : name}: ${message ?? "is invalid"}`;
    });
    return { status: 400, code: "REQUEST_INVALID", detail: parts.join("; ") };
  }
  if (isDatabaseAway(error)) return failures.databaseUnavailable;
  if (isFastifyError(error)) {
    const { statusCode: status = 500, code, message } = error;
    // A client's mistake that Fastify names; 5xx stays ours, and its words stay in the log.
    if (status >= 400 && status < 500) {
      return { status, code: CODES[code] ?? "REQUEST_INVALID", detail: message };
    }
  }
  return failures.internal;
}

/** Renders every error and every unknown route as problem+json. */
export function handleErrors(app: FastifyInstance, log: Logger): void {
  app.setErrorHandler((error, request, reply) => {
    const failure = failureOf(error);
    logFailure(log, failure, error, request.routeOptions.url);
    return sendProblem(reply, failure);
  });
  app.setNotFoundHandler((_request, reply) => sendProblem(reply, failures.routeNotFound));
}

/** Only what is our fault: a client's mistakes would let anybody fill the log. */
export function logFailure(
  log: Logger,
  failure: Failure,
  error: unknown,
  route: string | undefined,
): void {
  if (failure.status < 500) return;
  const fields = { route, code: failure.code, err: error };
  if (failure === failures.internal) log.error(fields, "request.failed");
  else log.warn(fields, "request.refused");
}

function isFastifyError(error: unknown): error is FastifyError {
  return error instanceof Error && "statusCode" in error && "code" in error;
}
