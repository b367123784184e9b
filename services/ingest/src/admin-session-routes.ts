import { randomBytes } from "node:crypto";

import type { Database } from "@valify/database";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import type { Kysely } from "kysely";
import { z } from "zod";

import { deleteSession, findApiKey, insertSession } from "./access-queries.ts";
import { renderSignInPage } from "./admin-page.ts";
import { sendFailurePage, sendPage } from "./admin-reply.ts";
import { hashOfSecret, originOf, SESSION_COOKIE } from "./auth.ts";
import { failures } from "./problem.ts";

export interface AdminSessionRoutesDeps {
  readonly db: Kysely<Database>;
  /** Where the server listens. */
  readonly host: string;
}

const SESSION_DURATION_MS = 12 * 3_600_000;
const TOKEN_BYTE_COUNT = 32;
const LOOPBACK = /^(localhost|127\.\d+\.\d+\.\d+|::1)$/;

export const adminSessionRoutes: FastifyPluginAsyncZod<AdminSessionRoutesDeps> = async (
  app,
  { db, host },
) => {
  // No cookie is needed to sign in, so another site could sign a visitor in as somebody else.
  app.addHook("onRequest", async (request, reply) => {
    if (originOf(request) === "foreign") return sendFailurePage(reply, failures.csrfRefused);
    return undefined;
  });

  app.post(
    "/batch_admin/sign_in",
    { schema: { body: z.object({ api_key: z.string() }) } },
    async (request, reply) => {
      const identity = await findApiKey(db, hashOfSecret(request.body.api_key.trim()));
      if (identity === undefined) {
        const notice = { kind: "problem", text: "This API key is unknown or revoked." } as const;
        return sendPage(reply, 401, renderSignInPage(notice));
      }
      const token = randomBytes(TOKEN_BYTE_COUNT).toString("base64url");
      await insertSession(db, {
        ...identity,
        sessionHash: hashOfSecret(token),
        durationMs: SESSION_DURATION_MS,
      });
      return reply
        .setCookie(SESSION_COOKIE, token, {
          httpOnly: true,
          sameSite: "lax",
          path: "/",
          secure: isSecure(request, host),
          maxAge: SESSION_DURATION_MS / 1000,
        })
        .redirect("/batch_admin", 303);
    },
  );

  app.post("/batch_admin/sign_out", async (request, reply): Promise<FastifyReply> => {
    const token = request.cookies[SESSION_COOKIE];
    if (token !== undefined) await deleteSession(db, hashOfSecret(token));
    return reply.clearCookie(SESSION_COOKIE, { path: "/" }).redirect("/batch_admin", 303);
  });
};

/** Plain http is for one's own machine. A proxy in front says what the browser speaks. */
function isSecure(request: FastifyRequest, host: string): boolean {
  const isHttps = request.headers["x-forwarded-proto"] === "https";
  return isHttps || request.protocol === "https" || !LOOPBACK.test(host);
}
