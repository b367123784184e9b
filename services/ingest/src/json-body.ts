import type { FastifyInstance } from "fastify";

/** An endpoint with twenty headers and a client certificate needs less. */
const JSON_BYTES_MAX = 64 * 1_024;

/**
 * For routes that take JSON. An empty body counts as none, since many clients say `application/json`
 * on a POST that needs nothing; what is no JSON is a 400.
 */
export function acceptJson(app: FastifyInstance): void {
  const parse = app.getDefaultJsonParser("error", "error");
  app.addContentTypeParser(
    "application/json",
    { parseAs: "string", bodyLimit: JSON_BYTES_MAX },
    (request, body, done) => {
      if (body.length === 0) done(null, undefined);
      else void parse(request, String(body), done);
    },
  );
}
