import type { Database } from "@valify/database";
import type { FastifyPluginAsync } from "fastify";
import type { Kysely } from "kysely";

import { apiKeyRoutes } from "./api-key-routes.ts";
import { auditRoutes } from "./audit-routes.ts";
import { meRoutes } from "./me-routes.ts";
import type { Passwords } from "./passwords.ts";
import { sessionRoutes } from "./session-routes.ts";
import type { SignInLimit } from "./sign-in-limit.ts";
import { tenantRoutes } from "./tenant-routes.ts";
import { usageRoutes } from "./usage-routes.ts";
import { userRoutes } from "./user-routes.ts";

export interface AccessApiDeps {
  readonly db: Kysely<Database>;
  readonly passwords: Passwords;
  readonly signInLimit: SignInLimit;
}

/** Tenants and people: who may do what, what they did, what they used. */
export const accessApi: FastifyPluginAsync<AccessApiDeps> = async (app, deps) => {
  await app.register(meRoutes, deps);
  await app.register(sessionRoutes, deps);
  await app.register(userRoutes, deps);
  await app.register(apiKeyRoutes, deps);
  await app.register(tenantRoutes, deps);
  await app.register(auditRoutes, deps);
  await app.register(usageRoutes, deps);
};
