import { hash } from "node:crypto";

import type { Database } from "@valify/database";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { Kysely } from "kysely";

import { findApiKey, findSession, type Identity } from "./access-queries.ts";
import { judgeOrigin, type OriginVerdict } from "./domain/same-origin.ts";
import { type Failure, failures, sendProblem } from "./problem.ts";

export const SESSION_COOKIE = "valify_session";
/** Where a request keeps its identity; `app.ts` declares it. */
export const IDENTITY = "identity";

const BEARER = /^bearer +(\S+) *$/i;
const SAFE_METHODS = new Set(["GET", "HEAD", "OPTIONS"]);

export type Access =
  | { readonly kind: "granted"; readonly identity: Identity }
  | { readonly kind: "refused"; readonly failure: Failure };

/** A key or a session token has 256 random bits, so a fast hash is enough. */
export function hashOfSecret(secret: string): Buffer {
  return hash("sha256", secret, "buffer");
}

/** A key in the header counts before a cookie: whoever sends one is no browser to be tricked. */
export async function checkAccess(db: Kysely<Database>, request: FastifyRequest): Promise<Access> {
  const { authorization } = request.headers;
  if (authorization !== undefined) {
    const key = BEARER.exec(authorization)?.[1];
    const identity = key === undefined ? undefined : await findApiKey(db, hashOfSecret(key));
    return identity === undefined ? refuse(failures.authInvalid) : grant(identity);
  }
  const session = request.cookies[SESSION_COOKIE];
  if (session === undefined) return refuse(failures.authRequired);
  const identity = await findSession(db, hashOfSecret(session));
  if (identity === undefined) return refuse(failures.authInvalid);
  // Browsers attach the cookie to whatever another site makes them send.
  const isSafe = SAFE_METHODS.has(request.method) || originOf(request) === "same";
  return isSafe ? grant(identity) : refuse(failures.csrfRefused);
}

export function originOf(request: FastifyRequest): OriginVerdict {
  const { "sec-fetch-site": site, origin, host } = request.headers;
  const secFetchSite = Array.isArray(site) ? site[0] : site;
  return judgeOrigin({ secFetchSite, origin, host });
}

/** The hook of every API route: no handler runs without an identity. */
export function requireAccess(db: Kysely<Database>) {
  return async function grantOrRefuse(request: FastifyRequest, reply: FastifyReply) {
    const access = await checkAccess(db, request);
    if (access.kind === "refused") return sendProblem(reply, access.failure);
    request.setDecorator<Identity>(IDENTITY, access.identity);
    return undefined;
  };
}

/** The tenant that every query of this request is bounded by. */
export function tenantOf(request: Pick<FastifyRequest, "getDecorator">): string {
  return request.getDecorator<Identity>(IDENTITY).tenantId;
}

function grant(identity: Identity): Access {
  return { kind: "granted", identity };
}

function refuse(failure: Failure): Access {
  return { kind: "refused", failure };
}
