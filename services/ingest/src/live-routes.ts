import { Readable } from "node:stream";

import type { Database } from "@valify/database";
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import type { Kysely } from "kysely";
import { z } from "zod";

import { tenantOf } from "./auth.ts";
import { batchParams, uuidOfParam } from "./batch-param.ts";
import { findBatch } from "./batch-queries.ts";
import { formatEvent, formatRetry, nextEventId, PING } from "./domain/sse.ts";
import type { LiveBatches } from "./live-batches.ts";
import type { Watch } from "./live-watch.ts";
import { type Failure, failures, sendProblem } from "./problem.ts";
import { readInTenant } from "./tenant-scope.ts";

export interface LiveRoutesDeps {
  readonly db: Kysely<Database>;
  readonly live: LiveBatches;
}

const RECONNECT_DELAY_MS = 3_000;
const PING_INTERVAL_MS = 15_000;
/** A stream ends at about this age, so that a revoked key does not watch for ever. */
const AGE_MAX_MS = 600_000;
const AGE_JITTER_MS = 60_000;

const tooMany: Failure = {
  status: 503,
  code: "TOO_MANY_STREAMS",
  detail: "Too many live streams are open. Ask /batch_status instead, or try again later",
  headers: { "retry-after": "10" },
};

export const liveRoutes: FastifyPluginAsyncZod<LiveRoutesDeps> = async (app, { db, live }) => {
  app.get(
    "/batch_events/:batch_id",
    // HEAD has no body, so a stream opened for it would never be read.
    {
      schema: {
        summary: "A batch's progress as server-sent events",
        description:
          "`status` events carry what /batch_status answers, at most four a second; `bye` ends the " +
          "stream with a reason (finished, draining, renew). Reconnect with Last-Event-ID.",
        params: batchParams,
        response: {
          200: {
            description: "A stream of events",
            content: { "text/event-stream": { schema: z.unknown() } },
          },
        },
      },
      config: { permission: "batches:read", problems: ["BATCH_NOT_FOUND", "TOO_MANY_STREAMS"] },
      exposeHeadRoute: false,
    },
    async (request, reply) => {
      const batchUuid = uuidOfParam(request.params.batch_id);
      const tenantId = tenantOf(request);
      const batch =
        batchUuid &&
        (await readInTenant(db, tenantId, (trx) => findBatch(trx, tenantId, batchUuid)));
      if (!batch) return sendProblem(reply, failures.batchNotFound);
      const watch = live.watch(batch);
      if (watch === null) return sendProblem(reply, tooMany);

      const age = setTimeout(() => watch.end("renew"), AGE_MAX_MS + Math.random() * AGE_JITTER_MS);
      const stop = () => {
        clearTimeout(age);
        watch.close();
      };
      // The client may have left while the batch was looked up: then no "close" comes any more.
      if (reply.raw.destroyed) stop();
      else reply.raw.once("close", stop);
      const lastEventId = request.headers["last-event-id"];
      const firstId = nextEventId(Array.isArray(lastEventId) ? lastEventId[0] : lastEventId);
      return reply
        .headers({
          "content-type": "text/event-stream; charset=utf-8",
          "cache-control": "no-cache, no-transform",
          "x-accel-buffering": "no",
        })
        .send(Readable.from(tellEvents(watch, firstId)));
    },
  );
};

/** Pulled by the socket: a client that does not read holds no more than one message here. */
async function* tellEvents(watch: Watch, firstId: number): AsyncGenerator<string> {
  yield formatRetry(RECONNECT_DELAY_MS);
  for (let id = firstId; ;) {
    const event = await watch.next(PING_INTERVAL_MS);
    switch (event.kind) {
      case "status":
        yield formatEvent("status", id, event.batch);
        id += 1;
        break;
      case "quiet":
        yield PING;
        break;
      case "bye":
        yield formatEvent("bye", id, { reason: event.reason });
        return;
      case "closed":
        return;
    }
  }
}
