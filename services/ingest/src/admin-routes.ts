import { fastifyFormbody } from "@fastify/formbody";
import type { Database } from "@valify/database";
import type { Logger, SecretBox } from "@valify/runtime";
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import type { Kysely } from "kysely";
import { z } from "zod";

import { adminErasureRoutes } from "./admin-erasure-routes.ts";
import { type BatchesPage, describeUpload, type Notice, renderBatchesPage } from "./admin-page.ts";
import { protectPage, sendFailurePage, sendPage } from "./admin-reply.ts";
import { adminSessionRoutes } from "./admin-session-routes.ts";
import { ADMIN_STYLE } from "./admin-style.ts";
import {
  actorOf,
  checkAccess,
  type Identity,
  IDENTITY,
  mayUse,
  requirePermissions,
  tenantOf,
} from "./auth.ts";
import { batchParams, uuidOfParam } from "./batch-param.ts";
import { listBatches } from "./batch-queries.ts";
import { notCancellable } from "./batch-routes.ts";
import { cancelBatch } from "./cancel-batch.ts";
import { decodeBatchCursor, encodeBatchCursor } from "./domain/cursor.ts";
import type { ErasureRoutesDeps } from "./erasure-routes.ts";
import { failureOf, logFailure } from "./error-handling.ts";
import type { OidcProvider } from "./oidc-provider.ts";
import { oidcRoutes } from "./oidc-routes.ts";
import { failures } from "./problem.ts";
import type { ReceiveUpload } from "./receive-upload.ts";
import type { PasswordSignIn } from "./sign-in.ts";
import { readInTenant } from "./tenant-scope.ts";
import { acceptUploadForms } from "./upload-form.ts";
import { findUpload } from "./upload-queries.ts";

export interface AdminRoutesDeps extends ErasureRoutesDeps {
  readonly log: Logger;
  readonly receiveUpload: ReceiveUpload;
  readonly fileBytesMax: number;
  readonly leadsMax: number;
  readonly host: string;
  readonly signIn: PasswordSignIn;
  readonly secretBox: SecretBox;
  /** Undefined: people sign in with a password or a key alone. */
  readonly oidc?: OidcProvider;
}

const PAGE_SIZE = 50;

const notStored = { status: 400, detail: "This page has no dry run" };

const pageQuery = z.object({
  cursor: z.string().optional(),
  live: z.enum(["on", "off"]).default("on"),
  uploaded: z.string().optional(),
});

/** The plain page for people: forms and links, no scripts. */
export const adminRoutes: FastifyPluginAsyncZod<AdminRoutesDeps> = async (app, deps) => {
  app.addHook("onRequest", protectPage);
  app.setErrorHandler((error, request, reply) => {
    const failure = failureOf(error);
    logFailure(deps.log, failure, error, request.routeOptions.url);
    return sendFailurePage(reply, failure);
  });
  await app.register(fastifyFormbody);

  app.get("/", (_request, reply) => reply.redirect("/batch_admin", 302));
  app.get("/batch_admin/style.css", (_request, reply) =>
    reply
      .headers({ "content-type": "text/css; charset=utf-8", "cache-control": "max-age=300" })
      .send(ADMIN_STYLE),
  );
  const { oidc: provider } = deps;
  app.decorate("hasOidc", provider !== undefined);
  await app.register(adminSessionRoutes, deps);
  if (provider !== undefined) await app.register(oidcRoutes, { ...deps, provider });
  await app.register(signedInRoutes, deps);
};

const signedInRoutes: FastifyPluginAsyncZod<AdminRoutesDeps> = async (app, deps) => {
  const { db, wakeOutbox } = deps;
  app.addHook("onRequest", async (request, reply) => {
    const access = await checkAccess(db, request);
    if (access.kind === "refused") return sendFailurePage(reply, access.failure);
    request.setDecorator<Identity>(IDENTITY, access.identity);
    return undefined;
  });
  requirePermissions(app);
  await app.register(adminUploadRoute, deps);
  await app.register(adminErasureRoutes, deps);

  const pageOptions = {
    schema: { querystring: pageQuery },
    config: { permission: "batches:read" },
  } as const;
  app.get("/batch_admin", pageOptions, async (request, reply) => {
    const { cursor, live, uploaded } = request.query;
    const tenantId = tenantOf(request);
    const notice = uploaded === undefined ? null : await noticeOfUpload(db, tenantId, uploaded);
    const page = await findPage(deps, tenantId, cursor);
    if (page === null) return sendFailurePage(reply, failures.cursorInvalid);
    const mayErase = mayUse(request, "erasures:write");
    const isLive = live === "on";
    return sendPage(reply, 200, renderBatchesPage({ ...page, notice, isLive, mayErase }));
  });

  app.post(
    "/batch_admin/cancel/:batch_id",
    { schema: { params: batchParams }, config: { permission: "batches:write" } },
    async (request, reply) => {
      const batchUuid = uuidOfParam(request.params.batch_id);
      if (batchUuid === undefined) return sendFailurePage(reply, failures.batchNotFound);
      const { kind } = await cancelBatch(db, actorOf(request), batchUuid);
      if (kind === "not_found") return sendFailurePage(reply, failures.batchNotFound);
      if (kind === "failed") return sendFailurePage(reply, notCancellable);
      wakeOutbox();
      return reply.redirect("/batch_admin", 303);
    },
  );
};

const adminUploadRoute: FastifyPluginAsyncZod<AdminRoutesDeps> = async (app, deps) => {
  await acceptUploadForms(app, deps.fileBytesMax);

  const config = { permission: "batches:write" } as const;
  app.post("/batch_admin/upload", { config }, async (request, reply) => {
    const outcome = await deps.receiveUpload(request, reply);
    if (outcome.kind === "accepted" || outcome.kind === "replayed") {
      return reply.redirect(`/batch_admin?uploaded=${outcome.answer.batch_id}`, 303);
    }
    // Shown at once and not through a redirect: the words may quote the file's first row, which
    // has no business in a URL.
    const failure = outcome.kind === "refused" ? outcome.failure : notStored;
    const notice: Notice = { kind: "problem", text: `Not uploaded. ${failure.detail}.` };
    const page = await findPage(deps, tenantOf(request), undefined);
    if (page === null) return sendFailurePage(reply, failures.internal);
    const facts = { ...page, notice, isLive: false, mayErase: mayUse(request, "erasures:write") };
    return sendPage(reply, failure.status, renderBatchesPage(facts));
  });
};

/** Null where the cursor is not ours. */
async function findPage(
  { db, fileBytesMax, leadsMax }: AdminRoutesDeps,
  tenantId: string,
  cursor: string | undefined,
): Promise<Omit<BatchesPage, "notice" | "isLive" | "mayErase"> | null> {
  const after = cursor === undefined ? undefined : decodeBatchCursor(cursor);
  if (after === null) return null;
  const listing = { tenantId, status: undefined, after, limit: PAGE_SIZE };
  const { batches, next } = await readInTenant(db, tenantId, (trx) => listBatches(trx, listing));
  const nextCursor = next === null ? null : encodeBatchCursor(next);
  return { batches, nextCursor, fileBytesMax, leadsMax };
}

async function noticeOfUpload(
  db: Kysely<Database>,
  tenantId: string,
  batchId: string,
): Promise<Notice | null> {
  const batchUuid = uuidOfParam(batchId);
  const upload =
    batchUuid && (await readInTenant(db, tenantId, (trx) => findUpload(trx, tenantId, batchUuid)));
  return upload ? { kind: "done", text: describeUpload(upload) } : null;
}
