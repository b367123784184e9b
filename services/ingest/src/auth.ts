import { hash } from "node:crypto";

import type { Permission } from "@valify/contracts/api";
import type { Database } from "@valify/database";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Kysely } from "kysely";

import { findApiKey, findSession, markKeyUsed, markSessionSeen } from "./access-queries.ts";
import type { Actor } from "./audit.ts";
import { permissionsOfRole, permissionsOfScopes } from "./domain/permissions.ts";
import { judgeOrigin, type OriginVerdict } from "./domain/same-origin.ts";
import { type Failure, failures, sendProblem } from "./problem.ts";
import { sessionTokenOf } from "./session-cookie.ts";
import { inTenant } from "./tenant-scope.ts";

declare module "fastify" {
  interface FastifyContextConfig {
    /** What a caller needs. `self`: any caller, for what is about themselves alone. */
    permission?: Permission | "self";
  }
}

/** On whose behalf a request acts, and what they may do. */
export interface Identity {
  readonly tenantId: string;
  readonly kind: "user" | "api_key";
  /** Of the user or the key. */
  readonly id: string;
  /** Null where the key itself was sent. */
  readonly sessionId: string | null;
  readonly permissions: ReadonlySet<Permission>;
}

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

/** Who asks, and whether they may: the route's permission decides. */
export async function checkAccess(db: Kysely<Database>, request: FastifyRequest): Promise<Access> {
  const access = await identify(db, request);
  if (access.kind === "refused") return access;
  const { permission } = request.routeOptions.config;
  const isPermitted =
    permission === "self" ||
    (permission !== undefined && access.identity.permissions.has(permission));
  return isPermitted ? access : refuse(failures.permissionMissing);
}

/** A key in the header counts before a cookie: whoever sends one is no browser to be tricked. */
async function identify(db: Kysely<Database>, request: FastifyRequest): Promise<Access> {
  const { authorization } = request.headers;
  if (authorization !== undefined) {
    const key = BEARER.exec(authorization)?.[1];
    return key === undefined ? refuse(failures.authInvalid) : identifyByKey(db, key);
  }
  const token = sessionTokenOf(request);
  if (token === undefined) return refuse(failures.authRequired);
  const access = await identifyBySession(db, token);
  if (access.kind === "refused") return access;
  // Browsers attach the cookie to whatever another site makes them send.
  const isSafe = SAFE_METHODS.has(request.method) || originOf(request) === "same";
  return isSafe ? access : refuse(failures.csrfRefused);
}

async function identifyByKey(db: Kysely<Database>, key: string): Promise<Access> {
  const found = await findApiKey(db, hashOfSecret(key));
  if (found === undefined) return refuse(failures.authInvalid);
  const { tenantId, apiKeyId: id, scopes, isStale } = found;
  if (isStale) await inTenant(db, tenantId, (trx) => markKeyUsed(trx, id));
  const permissions = permissionsOfScopes(scopes);
  return grant({ tenantId, kind: "api_key", id, sessionId: null, permissions });
}

async function identifyBySession(db: Kysely<Database>, token: string): Promise<Access> {
  const found = await findSession(db, hashOfSecret(token));
  if (found === undefined) return refuse(failures.authInvalid);
  const { tenantId, sessionId, isStale } = found;
  if (isStale) await inTenant(db, tenantId, (trx) => markSessionSeen(trx, sessionId));
  const session = { tenantId, sessionId };
  return found.userId === null
    ? grant({
        ...session,
        kind: "api_key",
        id: found.apiKeyId,
        permissions: permissionsOfScopes(found.scopes),
      })
    : grant({
        ...session,
        kind: "user",
        id: found.userId,
        permissions: permissionsOfRole(found.role),
      });
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

/** A route that forgot its permission stops the process at its start, not a customer later. */
export function requirePermissions(app: FastifyInstance): void {
  app.addHook("onRoute", ({ method, url, config }) => {
    if (config?.permission !== undefined) return;
    throw new Error(`${String(method)} ${url} names no permission: config: { permission: … }`);
  });
}

type IdentifiedRequest = Pick<FastifyRequest, "getDecorator">;

export function identityOf(request: IdentifiedRequest): Identity {
  return request.getDecorator<Identity>(IDENTITY);
}

/** The tenant that every query of this request is bounded by. */
export function tenantOf(request: IdentifiedRequest): string {
  return identityOf(request).tenantId;
}

/** For what not every caller of a route may do. */
export function mayUse(request: IdentifiedRequest, permission: Permission): boolean {
  return identityOf(request).permissions.has(permission);
}

/** Whether the caller holds all of it: nobody hands out more than they have. */
export function mayGrant(request: IdentifiedRequest, permissions: Iterable<Permission>): boolean {
  const own = identityOf(request).permissions;
  return [...permissions].every((permission) => own.has(permission));
}

/** As the audit log names whoever asks. */
export function actorOf(request: IdentifiedRequest & Pick<FastifyRequest, "ip">): Actor {
  const { tenantId, kind, id } = identityOf(request);
  return { tenantId, kind, id, ip: request.ip };
}

function grant(identity: Identity): Access {
  return { kind: "granted", identity };
}

function refuse(failure: Failure): Access {
  return { kind: "refused", failure };
}
