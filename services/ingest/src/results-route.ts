import { Readable } from "node:stream";

import type { Database } from "@valify/database";
import type { Logger, ObjectStore, StoredObject } from "@valify/runtime";
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import type { Kysely } from "kysely";
import { z } from "zod";

import { recordAudit } from "./audit.ts";
import { actorOf } from "./auth.ts";
import { batchParams, uuidOfParam } from "./batch-param.ts";
import { findResults, type ResultsPlace } from "./batch-queries.ts";
import { logFailure } from "./error-handling.ts";
import { type Failure, failures, sendProblem } from "./problem.ts";
import { inTenant } from "./tenant-scope.ts";

export interface ResultsRouteDeps {
  readonly db: Kysely<Database>;
  readonly store: ObjectStore;
  readonly log: Logger;
}

const notReady: Failure = {
  status: 409,
  code: "RESULTS_NOT_READY",
  detail: "The batch is still being validated. Its results come when it is completed",
  headers: { "retry-after": "2" },
};
const notMade: Failure = {
  status: 404,
  code: "RESULTS_NOT_MADE",
  detail: "The batch ended before its results were written",
};
const gone: Failure = {
  status: 410,
  code: "RESULTS_GONE",
  detail: "The results file is no longer kept",
};

const MARK = Buffer.from("\ufeff");

export const resultsRoute: FastifyPluginAsyncZod<ResultsRouteDeps> = async (app, deps) => {
  const { db, store, log } = deps;

  app.get(
    "/download_results/:batch_id",
    // HEAD would read the whole file, to throw it away.
    {
      schema: {
        summary: "The results as CSV, in the order of the upload",
        params: batchParams,
        querystring: z.strictObject({
          bom: z.enum(["0", "1"]).default("1").describe("`0`: without the byte order mark"),
        }),
        response: {
          200: { description: "Results", content: { "text/csv": { schema: z.unknown() } } },
        },
      },
      config: {
        permission: "batches:read",
        problems: [
          "BATCH_NOT_FOUND",
          "RESULTS_NOT_READY",
          "RESULTS_NOT_MADE",
          "RESULTS_GONE",
          "OBJECT_STORE_UNAVAILABLE",
        ],
      },
      exposeHeadRoute: false,
    },
    async (request, reply) => {
      const { batch_id: batchId } = request.params;
      const batchUuid = uuidOfParam(batchId);
      const actor = actorOf(request);
      const place =
        batchUuid &&
        (await inTenant(db, actor.tenantId, (trx) => findResults(trx, actor.tenantId, batchUuid)));
      if (!place) return sendProblem(reply, failures.batchNotFound);
      if (place.objectKey === null) return sendProblem(reply, whyMissing(place));
      const opened = await openResults(store, place.objectKey);
      if (opened.kind === "failed") {
        logFailure(log, failures.objectStoreUnavailable, opened.error, request.routeOptions.url);
        return sendProblem(reply, failures.objectStoreUnavailable);
      }
      if (opened.object === undefined) return sendProblem(reply, gone);
      const { stream, byteCount } =
        request.query.bom === "0" ? withoutMark(opened.object) : opened.object;
      const object = { objectKind: "batch", objectId: batchId };
      await inTenant(db, actor.tenantId, (trx) =>
        recordAudit(trx, actor, { action: "results.downloaded", ...object }),
      );
      return reply
        .headers({
          "content-type": "text/csv; charset=utf-8",
          "content-disposition": `attachment; filename="results-${batchId}.csv"`,
          ...(byteCount > 0 ? { "content-length": byteCount } : {}),
        })
        .send(stream);
    },
  );
};

/** Excel needs the mark to see UTF-8; programs stumble over it in the first header. */
function withoutMark({ stream }: StoredObject): StoredObject {
  async function* skipMark() {
    let isFirst = true;
    for await (const chunk of stream) {
      const bytes = Buffer.from(chunk);
      yield isFirst && bytes.subarray(0, MARK.length).equals(MARK)
        ? bytes.subarray(MARK.length)
        : bytes;
      isFirst = false;
    }
  }
  return { stream: Readable.from(skipMark()), byteCount: 0 };
}

function whyMissing({ status }: ResultsPlace): Failure {
  return status === "pending" || status === "processing" ? notReady : notMade;
}

async function openResults(store: ObjectStore, objectKey: string) {
  try {
    return { kind: "opened", object: await store.get(objectKey) } as const;
  } catch (error) {
    return { kind: "failed", error } as const;
  }
}
