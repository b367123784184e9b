import type { Database } from "@valify/database";
import type { Logger, SecretBox } from "@valify/runtime";
import type { FastifyPluginAsync } from "fastify";
import type { Kysely } from "kysely";

import { sendFailurePage } from "./admin-reply.ts";
import { OidcChecks, type OidcProvider } from "./oidc-provider.ts";
import { finishOidcSignIn, oidcRefused } from "./oidc-sign-in.ts";
import type { Failure } from "./problem.ts";
import { isSecure, sessionTokenOf, setSessionCookie } from "./session-cookie.ts";

export interface OidcRoutesDeps {
  readonly db: Kysely<Database>;
  readonly provider: OidcProvider;
  readonly secretBox: SecretBox;
  readonly log: Logger;
  /** Where the server listens. */
  readonly host: string;
}

const FOLDER = "/batch_admin/oidc";
const COOKIE = "valify_oidc";
/** Signing in at the provider, a second factor included. */
const SIGN_IN_MAX_MS = 10 * 60_000;

const unavailable: Failure = {
  status: 503,
  code: "OIDC_UNAVAILABLE",
  detail: "The identity provider does not answer. Try again",
  headers: { "retry-after": "10" },
};

/** For people: pages and redirects. What must survive the way there and back is sealed in a cookie. */
export const oidcRoutes: FastifyPluginAsync<OidcRoutesDeps> = async (app, deps) => {
  const { provider, secretBox, log, host } = deps;

  app.get(`${FOLDER}/sign_in`, async (request, reply) => {
    const begun = await provider.begin(Date.now()).catch((error: unknown) => {
      log.warn({ err: error }, "oidc.unavailable");
      return null;
    });
    if (begun === null) return sendFailurePage(reply, unavailable);
    const sealed = secretBox.seal(JSON.stringify(begun.checks)).toString("base64url");
    reply.setCookie(COOKIE, sealed, {
      httpOnly: true,
      sameSite: "lax", // the provider sends the browser back from another site
      path: FOLDER,
      secure: isSecure(request, host),
      maxAge: SIGN_IN_MAX_MS / 1000,
    });
    return reply.redirect(begun.url, 302);
  });

  app.get(`${FOLDER}/callback`, async (request, reply) => {
    const checks = openChecks(secretBox, request.cookies[COOKIE]);
    reply.clearCookie(COOKIE, { path: FOLDER });
    if (checks === null || Date.now() - checks.startedMs > SIGN_IN_MAX_MS) {
      return sendFailurePage(reply, oidcRefused);
    }
    const search = new URL(request.url, "http://localhost").search;
    const replaced = sessionTokenOf(request);
    const outcome = await finishOidcSignIn(deps, { search, checks, ip: request.ip, replaced });
    if (outcome.kind === "refused") return sendFailurePage(reply, outcome.failure);
    setSessionCookie(request, reply, { host, token: outcome.token });
    return reply.redirect("/batch_admin", 303);
  });
};

/** Null for anything that we did not seal ourselves. */
function openChecks(secretBox: SecretBox, sealed: string | undefined): OidcChecks | null {
  if (sealed === undefined) return null;
  try {
    const text = secretBox.open(Buffer.from(sealed, "base64url"));
    return OidcChecks.parse(JSON.parse(text));
  } catch {
    return null;
  }
}
