import type { FastifyReply, FastifyRequest } from "fastify";

/** However busy, a session ends after this. */
export const SESSION_DURATION_MS = 12 * 3_600_000;

/** Browsers take it over https only, from this host only, so no neighbour can plant one. */
const SECURE_NAME = "__Host-valify";
/** Plain http is for one's own machine, where browsers refuse the other name. */
const LOOPBACK_NAME = "valify";
const LOOPBACK = /^(localhost|127\.\d+\.\d+\.\d+|::1)$/;

export function sessionTokenOf(request: FastifyRequest): string | undefined {
  return (
    request.cookies[SECURE_NAME] ?? (isHttps(request) ? undefined : request.cookies[LOOPBACK_NAME])
  );
}

/** `host` is where the server listens. */
export function setSessionCookie(
  request: FastifyRequest,
  reply: Pick<FastifyReply, "setCookie">,
  { host, token }: { readonly host: string; readonly token: string },
): void {
  const secure = isSecure(request, host);
  reply.setCookie(secure ? SECURE_NAME : LOOPBACK_NAME, token, {
    httpOnly: true,
    sameSite: "lax",
    path: "/",
    secure,
    maxAge: SESSION_DURATION_MS / 1000,
  });
}

export function clearSessionCookie(reply: Pick<FastifyReply, "clearCookie">): void {
  reply.clearCookie(SECURE_NAME, { path: "/", secure: true });
  reply.clearCookie(LOOPBACK_NAME, { path: "/" });
}

/** Whether a cookie for this browser may insist on https: everywhere but on one's own machine. */
export function isSecure(request: FastifyRequest, host: string): boolean {
  return isHttps(request) || !LOOPBACK.test(host);
}

/** A proxy in front says what the browser speaks. */
function isHttps(request: FastifyRequest): boolean {
  return request.headers["x-forwarded-proto"] === "https" || request.protocol === "https";
}
