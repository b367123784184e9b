import {
  OwnTenantView,
  TenantChange,
  TenantCreation,
  TenantPage,
  TenantView,
} from "@valify/contracts/api";
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";

import { actorOf, tenantOf } from "./auth.ts";
import { DEFAULT_TENANT_ID } from "./bootstrap.ts";
import { decodeIdCursor, encodeIdCursor } from "./domain/cursor.ts";
import { acceptJson } from "./json-body.ts";
import { measureUse } from "./limit-queries.ts";
import { pageQuery } from "./page-query.ts";
import { failures, sendProblem } from "./problem.ts";
import { changeTenant, createTenant, type TenantChangesDeps } from "./tenant-changes.ts";
import { findTenant, listTenants, type StoredTenant } from "./tenant-queries.ts";
import { asSystem, readInTenant } from "./tenant-scope.ts";
import { uuidOf } from "./uuid-param.ts";

const params = z.object({ tenant_id: z.string() });
const ADMINS_ONLY = "For the admins of the installation's own tenant.";

const OWN_ROUTE = {
  schema: {
    summary: "One's own tenant, its limits and what counts against them",
    response: { 200: OwnTenantView },
  },
  config: { permission: "usage:read" },
} as const;

const LIST_ROUTE = {
  schema: {
    summary: "All tenants",
    description: ADMINS_ONLY,
    querystring: pageQuery,
    response: { 200: TenantPage },
  },
  config: { permission: "access:read", problems: ["CURSOR_INVALID"] },
} as const;

const READ_ROUTE = {
  schema: {
    summary: "One tenant",
    description: ADMINS_ONLY,
    params,
    response: { 200: TenantView },
  },
  config: { permission: "access:read", problems: ["TENANT_NOT_FOUND"] },
} as const;

const CREATE_ROUTE = {
  schema: {
    summary: "Add a tenant, with its first admin",
    description: ADMINS_ONLY,
    body: TenantCreation,
    response: { 201: TenantView },
  },
  config: {
    permission: "access:write",
    problems: ["CONTENT_TYPE_UNSUPPORTED", "EMAIL_TAKEN", "SIGN_IN_BUSY"],
  },
} as const;

const CHANGE_ROUTE = {
  schema: {
    summary: "Change a tenant's name or limits",
    description: ADMINS_ONLY,
    params,
    body: TenantChange,
    response: { 200: TenantView },
  },
  config: {
    permission: "access:write",
    problems: ["CONTENT_TYPE_UNSUPPORTED", "TENANT_NOT_FOUND"],
  },
} as const;

export const tenantRoutes: FastifyPluginAsyncZod<TenantChangesDeps> = async (app, deps) => {
  const { db } = deps;

  app.get("/tenant", OWN_ROUTE, async (request, reply) => {
    const tenantId = tenantOf(request);
    const { tenant, use } = await readInTenant(db, tenantId, async (trx) => ({
      tenant: await findTenant(trx, tenantId),
      use: await measureUse(trx, tenantId),
    }));
    if (tenant === undefined) return sendProblem(reply, failures.internal);
    return {
      ...viewOf(tenant),
      use: {
        files_today: use.filesToday,
        leads_this_month: use.leadsThisMonth,
        stored_bytes: use.storedBytes,
        concurrent_batches: use.concurrentBatches,
      },
    };
  });

  await app.register(installationRoutes, deps);
};

/** Across tenants, so only for whoever runs the installation: the default tenant's admins. */
const installationRoutes: FastifyPluginAsyncZod<TenantChangesDeps> = async (app, deps) => {
  const { db } = deps;
  acceptJson(app);
  app.addHook("preValidation", async (request, reply) => {
    if (tenantOf(request) === DEFAULT_TENANT_ID) return undefined;
    return sendProblem(reply, failures.permissionMissing);
  });

  app.get("/tenants", LIST_ROUTE, async (request, reply) => {
    const { cursor, limit } = request.query;
    const after = cursor === undefined ? undefined : decodeIdCursor(cursor);
    if (after === null) return sendProblem(reply, failures.cursorInvalid);
    const found = await asSystem(db, (trx) => listTenants(trx, { after, limit: limit + 1 }));
    const page = found.slice(0, limit);
    const next_cursor = found.length > limit ? encodeIdCursor(page.at(-1)?.tenantId ?? "") : null;
    return { tenants: page.map(viewOf), next_cursor };
  });

  app.get("/tenants/:tenant_id", READ_ROUTE, async (request, reply) => {
    const tenantId = uuidOf(request.params.tenant_id);
    const tenant = tenantId && (await asSystem(db, (trx) => findTenant(trx, tenantId)));
    return tenant ? viewOf(tenant) : sendProblem(reply, failures.tenantNotFound);
  });

  app.post("/tenants", CREATE_ROUTE, async (request, reply) => {
    const outcome = await createTenant(deps, actorOf(request), request.body);
    if (outcome.kind === "refused") return sendProblem(reply, outcome.failure);
    reply.header("location", `/tenants/${outcome.tenant.tenantId}`);
    return reply.code(201).send(viewOf(outcome.tenant));
  });

  app.patch("/tenants/:tenant_id", CHANGE_ROUTE, async (request, reply) => {
    const tenantId = uuidOf(request.params.tenant_id);
    if (tenantId === undefined) return sendProblem(reply, failures.tenantNotFound);
    const outcome = await changeTenant(db, actorOf(request), tenantId, request.body);
    if (outcome.kind === "refused") return sendProblem(reply, outcome.failure);
    return viewOf(outcome.tenant);
  });
};

function viewOf(tenant: StoredTenant): TenantView {
  return {
    tenant_id: tenant.tenantId,
    name: tenant.name,
    limits: {
      files_per_day_max: tenant.filesPerDayMax,
      leads_per_month_max: tenant.leadsPerMonthMax,
      stored_bytes_max: tenant.storedBytesMax,
      concurrent_batches_max: tenant.concurrentBatchesMax,
    },
    created_at: tenant.createdAt.toISOString(),
  };
}
