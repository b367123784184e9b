import { z } from "zod";

import { BatchId, EndpointId, Instant } from "./ids.ts";

/**
 * Which deliveries: `failed` ran out of retries or had no endpoint, `missing` was due and is unknown
 * to the endpoint, as where it was created later.
 */
const ReplayScope = z.enum(["failed", "missing"]);

/** `POST /replays`. At least one of endpoint, batch and `from` narrows it. */
export const ReplayRequest = z
  .strictObject({
    scope: ReplayScope.default("failed"),
    endpoint_id: EndpointId.optional(),
    batch_id: BatchId.optional(),
    /** When the webhooks were due at first. */
    from: Instant.optional(),
    to: Instant.optional(),
    /** Only count. */
    dry_run: z.boolean().default(false),
  })
  .refine((asked) => [asked.endpoint_id, asked.batch_id, asked.from].some(Boolean), {
    message: "name an endpoint, a batch or a time to begin from",
  });
export type ReplayRequest = z.infer<typeof ReplayRequest>;

/** 200 of it with `dry_run`. */
export const ReplayPlan = z.object({ planned: z.int() }).meta({ id: "ReplayPlan" });

/** 202 of it, and one replay with its progress. */
export const ReplayView = z
  .object({
    replay_id: z.guid(),
    /** `held`: of an endpoint that was made active again. */
    scope: z.enum([...ReplayScope.options, "held"]),
    endpoint_id: EndpointId.nullable(),
    batch_id: BatchId.nullable(),
    from: Instant.nullable(),
    to: Instant,
    status: z.enum(["running", "completed", "cancelled"]),
    /** Counted at the start; `queued` may end below it, where a delivery is no longer as it was. */
    planned: z.int(),
    queued: z.int(),
    created_at: Instant,
    ended_at: Instant.nullable(),
  })
  .meta({ id: "ReplayView" });
export type ReplayView = z.infer<typeof ReplayView>;

/** `GET /replays`: newest first. */
export const ReplayPage = z
  .object({ replays: z.array(ReplayView), next_cursor: z.string().nullable() })
  .meta({ id: "ReplayPage" });
