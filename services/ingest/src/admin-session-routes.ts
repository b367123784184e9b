import type { Database } from "@valify/database";
import type { FastifyReply } from "fastify";
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import type { Kysely } from "kysely";
import { z } from "zod";

import { findApiKey } from "./access-queries.ts";
import { renderSignInPage } from "./admin-page.ts";
import { sendFailurePage, sendPage } from "./admin-reply.ts";
import { hashOfSecret, originOf } from "./auth.ts";
import { failures } from "./problem.ts";
import { clearSessionCookie, sessionTokenOf, setSessionCookie } from "./session-cookie.ts";
import { endSession, startSession } from "./sessions.ts";
import type { PasswordSignIn } from "./sign-in.ts";

export interface AdminSessionRoutesDeps {
  readonly db: Kysely<Database>;
  readonly signIn: PasswordSignIn;
  /** Where the server listens. */
  readonly host: string;
}

const TEXT_LENGTH_MAX = 300;
const text = z.string().max(TEXT_LENGTH_MAX);
const signInBody = z.union([
  z.object({ email: text, password: text }),
  z.object({ api_key: text }),
]);

export const adminSessionRoutes: FastifyPluginAsyncZod<AdminSessionRoutesDeps> = async (
  app,
  { db, signIn, host },
) => {
  // No cookie is needed to sign in, so another site could sign a visitor in as somebody else.
  app.addHook("onRequest", async (request, reply) => {
    if (originOf(request) === "foreign") return sendFailurePage(reply, failures.csrfRefused);
    return undefined;
  });

  app.post("/batch_admin/sign_in", { schema: { body: signInBody } }, async (request, reply) => {
    const { ip, body } = request;
    const replaced = sessionTokenOf(request);
    const refuse = (status: number, words: string) =>
      sendPage(reply, status, renderSignInPage({ kind: "problem", text: words }, app.hasOidc));
    let token: string;
    if ("email" in body) {
      const outcome = await signIn({ ...body, ip, replaced });
      if (outcome.kind === "refused") {
        const { status, detail, headers } = outcome.failure;
        reply.headers(headers ?? {});
        return refuse(status, `${detail}.`);
      }
      token = outcome.token;
    } else {
      const key = await findApiKey(db, hashOfSecret(body.api_key.trim()));
      if (key === undefined) return refuse(401, "This API key is unknown or revoked.");
      const { tenantId, apiKeyId: id } = key;
      const owner = { tenantId, kind: "api_key", id, ip } as const;
      token = await startSession(db, owner, { replaced, how: "api_key" });
    }
    setSessionCookie(request, reply, { host, token });
    return reply.redirect("/batch_admin", 303);
  });

  app.post("/batch_admin/sign_out", async (request, reply): Promise<FastifyReply> => {
    const token = sessionTokenOf(request);
    if (token !== undefined) await endSession(db, token, request.ip);
    clearSessionCookie(reply);
    return reply.redirect("/batch_admin", 303);
  });
};
