import { randomBytes } from "node:crypto";

import type { Database } from "@valify/database";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import type { Kysely } from "kysely";
import { z } from "zod";

import { deleteSession, findApiKey, findSession, insertSession } from "./access-queries.ts";
import { renderSignInPage } from "./admin-page.ts";
import { sendFailurePage, sendPage } from "./admin-reply.ts";
import { recordAudit } from "./audit.ts";
import { hashOfSecret, originOf, SESSION_COOKIE } from "./auth.ts";
import { failures } from "./problem.ts";
import { inTenant } from "./tenant-scope.ts";

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
      const key = await findApiKey(db, hashOfSecret(request.body.api_key.trim()));
      if (key === undefined) {
        const notice = { kind: "problem", text: "This API key is unknown or revoked." } as const;
        return sendPage(reply, 401, renderSignInPage(notice));
      }
      const token = randomBytes(TOKEN_BYTE_COUNT).toString("base64url");
      const { tenantId, apiKeyId } = key;
      await inTenant(db, tenantId, async (trx) => {
        const { sessionId } = await insertSession(trx, {
          tenantId,
          apiKeyId,
          userId: null,
          sessionHash: hashOfSecret(token),
          durationMs: SESSION_DURATION_MS,
        });
        const actor = { tenantId, kind: "api_key", id: apiKeyId, ip: request.ip } as const;
        const object = { objectKind: "session", objectId: sessionId };
        await recordAudit(trx, actor, { action: "session.started", ...object });
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
    if (token !== undefined) await endSession(db, token, request.ip);
    return reply.clearCookie(SESSION_COOKIE, { path: "/" }).redirect("/batch_admin", 303);
  });
};

/** A session that has ended by itself is as good as signed out. */
async function endSession(db: Kysely<Database>, token: string, ip: string): Promise<void> {
  const session = await findSession(db, hashOfSecret(token));
  if (session === undefined) return;
  const { tenantId, sessionId } = session;
  const owner =
    session.userId === null
      ? ({ kind: "api_key", id: session.apiKeyId } as const)
      : ({ kind: "user", id: session.userId } as const);
  await inTenant(db, tenantId, async (trx) => {
    await deleteSession(trx, hashOfSecret(token));
    const object = { objectKind: "session", objectId: sessionId };
    await recordAudit(trx, { tenantId, ...owner, ip }, { action: "session.ended", ...object });
  });
}

/** Plain http is for one's own machine. A proxy in front says what the browser speaks. */
function isSecure(request: FastifyRequest, host: string): boolean {
  const isHttps = request.headers["x-forwarded-proto"] === "https";
  return isHttps || request.protocol === "https" || !LOOPBACK.test(host);
}
