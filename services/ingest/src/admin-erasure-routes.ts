import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";

import { renderErasurePreview, renderErasuresPage } from "./admin-erasure-page.ts";
import { sendFailurePage, sendPage } from "./admin-reply.ts";
import { actorOf, tenantOf } from "./auth.ts";
import { listErasures } from "./erasure-queries.ts";
import { type ErasureRoutesDeps, viewOf } from "./erasure-routes.ts";
import type { Failure } from "./problem.ts";
import { previewErasure, requestErasure } from "./request-erasure.ts";
import { readInTenant } from "./tenant-scope.ts";

const SHOWN_MAX = 20;
const LEAD_ID = /^[a-z0-9-]+\.[a-z0-9-]+\.\d{8}$/;
const leadId = z
  .string()
  .max(250)
  .transform((text) => text.trim().toLowerCase());
const uuids = z.union([z.guid().transform((one) => [one]), z.array(z.guid())]).default([]);

const LIST = { config: { permission: "erasures:read" } } as const;
const LOOK_UP = {
  schema: { body: z.object({ lead_id: leadId }) },
  config: { permission: "erasures:write" },
} as const;
const CONFIRM = {
  schema: { body: z.object({ lead_id: leadId, confirm: uuids }) },
  config: { permission: "erasures:write" },
} as const;

const noLeadId: Failure = {
  status: 400,
  code: "REQUEST_INVALID",
  detail: "A lead id looks like first.last.ddmmyyyy",
};

/** Forms for whoever answers to the people whose data this is. A lead id is only ever in a body. */
export const adminErasureRoutes: FastifyPluginAsyncZod<ErasureRoutesDeps> = async (app, deps) => {
  const { db, wakeOutbox } = deps;

  app.get("/batch_admin/erasures", LIST, async (request, reply) => {
    const tenantId = tenantOf(request);
    const listing = { tenantId, after: undefined, limit: SHOWN_MAX };
    const erasures = await readInTenant(db, tenantId, (trx) => listErasures(trx, listing));
    return sendPage(reply, 200, renderErasuresPage(erasures.map(viewOf)));
  });

  app.post("/batch_admin/erasures", LOOK_UP, async (request, reply) => {
    const { lead_id } = request.body;
    if (!LEAD_ID.test(lead_id)) return sendFailurePage(reply, noLeadId);
    const looked = await previewErasure(deps, actorOf(request), { lead_id });
    if (looked.kind === "refused") return sendFailurePage(reply, looked.failure);
    return sendPage(reply, 200, renderErasurePreview(lead_id, looked.preview));
  });

  app.post("/batch_admin/erasures/confirm", CONFIRM, async (request, reply) => {
    const { lead_id, confirm } = request.body;
    if (!LEAD_ID.test(lead_id)) return sendFailurePage(reply, noLeadId);
    const erasing = await requestErasure(deps, actorOf(request), { lead_id, confirm }, new Date());
    if (erasing.kind === "refused") return sendFailurePage(reply, erasing.failure);
    wakeOutbox();
    return reply.redirect("/batch_admin/erasures", 303);
  });
};
