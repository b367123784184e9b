import { hash } from "node:crypto";

import type { FastifyReply, FastifyRequest } from "fastify";

/**
 * Marks an answer by its content; true where the client has it already, and 304 is enough. The
 * answer is made either way: what is saved is the way to the client, not the query.
 */
export function isKnownToClient(
  request: FastifyRequest,
  reply: Pick<FastifyReply, "headers">,
  body: object,
): boolean {
  const etag = `"${hash("sha256", JSON.stringify(body), "base64url").slice(0, 27)}"`;
  // Kept by the client alone, and asked about every time: a status is old at once.
  reply.headers({ etag, "cache-control": "private, no-cache" });
  return namesTag(request.headers["if-none-match"], etag);
}

/** A weak comparison, as RFC 9110 asks for: proxies that compress make a tag weak. */
function namesTag(ifNoneMatch: string | undefined, etag: string): boolean {
  if (ifNoneMatch === undefined) return false;
  if (ifNoneMatch.trim() === "*") return true;
  return ifNoneMatch.split(",").some((tag) => tag.trim().replace(/^W\//, "") === etag);
}
