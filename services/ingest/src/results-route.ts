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
import { inTenant, readInTenant } from "./tenant-scope.ts";

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
const noErrors: Failure = {
  status: 404,
  code: "RESULTS_NO_ERRORS",
  detail: "Every row of the batch is valid: there is nothing to mend",
};
const gone: Failure = {
  status: 410,
  code: "RESULTS_GONE",
  detail: "The results file is no longer kept",
};

const MARK = Buffer.from("\ufeff");

const DOWNLOAD_ROUTE = {
  schema: {
    summary: "The results as CSV, in the order of the upload",
    params: batchParams,
    querystring: z.strictObject({
      only: z.enum(["errors"]).optional().describe("`errors`: the rows to mend and upload again"),
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
      "RESULTS_NO_ERRORS",
      "RESULTS_GONE",
      "OBJECT_STORE_UNAVAILABLE",
    ],
  },
  // HEAD would read the whole file, to throw it away.
  exposeHeadRoute: false,
} as const;

export const resultsRoute: FastifyPluginAsyncZod<ResultsRouteDeps> = async (app, deps) => {
  const { db, store, log } = deps;

  app.get("/download_results/:batch_id", DOWNLOAD_ROUTE, async (request, reply) => {
    const { batch_id: batchId } = request.params;
    const batchUuid = uuidOfParam(batchId);
    const actor = actorOf(request);
    const place =
      batchUuid &&
      (await readInTenant(db, actor.tenantId, (trx) =>
        findResults(trx, actor.tenantId, batchUuid),
      ));
    if (!place) return sendProblem(reply, failures.batchNotFound);
    const isErrorsOnly = request.query.only === "errors";
    const objectKey = isErrorsOnly ? place.errorsObjectKey : place.objectKey;
    if (objectKey === null) return sendProblem(reply, whyMissing(place));
    const opened = await openResults(store, objectKey);
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
        "content-disposition": `attachment; filename="${isErrorsOnly ? "errors" : "results"}-${batchId}.csv"`,
        ...(byteCount > 0 ? { "content-length": byteCount } : {}),
      })
      .send(stream);
  });
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

function whyMissing({ status, objectKey }: ResultsPlace): Failure {
  // There are results, so it is the errors that there are none of.
  if (objectKey !== null) return noErrors;
  return status === "pending" || status === "processing" ? notReady : notMade;
}

async function openResults(store: ObjectStore, objectKey: string) {
  try {
    return { kind: "opened", object: await store.get(objectKey) } as const;
  } catch (error) {
    return { kind: "failed", error } as const;
  }
}
