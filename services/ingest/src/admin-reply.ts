import type { FastifyReply, FastifyRequest } from "fastify";

import { renderProblemPage, renderSignInPage } from "./admin-page.ts";
import type { Failure } from "./problem.ts";

declare module "fastify" {
  interface FastifyInstance {
    /** Whether people may sign in through an identity provider. */
    hasOidc: boolean;
  }
}

const HTML_TYPE = "text/html; charset=utf-8";
/** No script and nothing from elsewhere: even a hole in the escaping would run nothing. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "style-src 'self'",
  "form-action 'self'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
].join("; ");

/** For every answer below /batch_admin. */
export async function protectPage(_request: FastifyRequest, reply: FastifyReply): Promise<void> {
  reply.headers({
    "content-security-policy": CONTENT_SECURITY_POLICY,
    "cache-control": "no-store",
  });
}

export function sendPage(reply: FastifyReply, status: number, page: string): FastifyReply {
  return reply.code(status).header("content-type", HTML_TYPE).send(page);
}

/** A failure as people see it; whoever is not signed in gets the form to do so. */
export function sendFailurePage(reply: FastifyReply, failure: Failure): FastifyReply {
  const { status, code, detail } = failure;
  if (code === "AUTH_REQUIRED")
    return sendPage(reply, status, renderSignInPage(null, reply.server.hasOidc));
  if (code === "AUTH_INVALID") {
    const text = "Your session has ended. Sign in again.";
    return sendPage(
      reply,
      status,
      renderSignInPage({ kind: "problem", text }, reply.server.hasOidc),
    );
  }
  return sendPage(reply, status, renderProblemPage(`${detail}. (${code})`));
}
