import { z } from "zod";

import { ERASURE_LEADS_MAX } from "./erasure-requested.ts";
import { BatchId, Instant, LeadUuid } from "./ids.ts";

/**
 * `POST /erasures`. Without `confirm` it only shows what would be erased; with it, the rows named are
 * erased. In the body, since a lead id is personal data and a URL is written down everywhere.
 */
export const ErasureRequest = z
  .strictObject({
    /** As in results and webhooks. */
    lead_id: z
      .string()
      .max(250)
      .regex(/^[a-z0-9-]+\.[a-z0-9-]+\.\d{8}$/, "must be first.last.ddmmyyyy, in small letters")
      .optional(),
    lead_uuid: LeadUuid.optional(),
    /** Rows of the preview. None, beside a `lead_id`: nothing is held, and the person is refused. */
    confirm: z.array(LeadUuid).max(ERASURE_LEADS_MAX).optional(),
  })
  .refine(({ lead_id: id, lead_uuid: uuid }) => (id === undefined) !== (uuid === undefined), {
    message: "name a lead_id or a lead_uuid, not both",
  })
  .refine(({ lead_id: id, confirm }) => id !== undefined || confirm?.length !== 0, {
    message: "confirm names no row",
  });
export type ErasureRequest = z.infer<typeof ErasureRequest>;

/** One row that is held. The same name and date of birth may be those of two people. */
const ErasureMatch = z.object({
  lead_uuid: LeadUuid,
  batch_id: BatchId,
  filename: z.string(),
  row: z.int(),
  /** `lead_id`: has the very id. `name`: the same name, but no date of birth that could be read. */
  matched_by: z.enum(["lead_id", "name"]),
  /** First letters alone. */
  masked_first_name: z.string(),
  masked_last_name: z.string(),
  /** Day and month hidden; null where no date could be read. */
  masked_dob: z.string().nullable(),
  validation_status: z.enum(["valid", "invalid", "skipped"]),
  validated_at: Instant,
  held: z.object({
    /** The uploaded file is still kept. */
    upload: z.boolean(),
    results: z.boolean(),
    deliveries_sent: z.int(),
    deliveries_pending: z.int(),
    /** Requests on record, whose answers may quote the lead. */
    attempts: z.int(),
  }),
});

/** 200 of it: what is held. Nothing was changed. */
export const ErasurePreview = z
  .object({
    matches: z.array(ErasureMatch),
    /** There are more than one erasure may name: erase these, then ask again. */
    has_more: z.boolean(),
    /** Batches that still wait or are at work: their rows are not all known yet, so ask again. */
    unfinished_batches: z.int(),
    /** Whether an upload of this person is refused already. */
    is_suppressed: z.boolean(),
  })
  .meta({ id: "ErasurePreview" });
export type ErasurePreview = z.infer<typeof ErasurePreview>;

/** 202 of it with `confirm`, and one erasure with its progress. */
export const ErasureView = z
  .object({
    erasure_id: z.guid(),
    status: z.enum(["running", "completed"]),
    leads: z.array(z.object({ lead_uuid: LeadUuid, batch_id: BatchId })),
    /** When each was done: rows and files, wake-ups, deliveries and their answers, uploads. */
    cleared: z.object({
      validator: Instant.nullable(),
      scheduler: Instant.nullable(),
      webhook_dispatcher: Instant.nullable(),
      uploads: Instant.nullable(),
    }),
    requested_at: Instant,
    completed_at: Instant.nullable(),
  })
  .meta({ id: "ErasureView" });
export type ErasureView = z.infer<typeof ErasureView>;

/** `GET /erasures`: newest first. */
export const ErasurePage = z
  .object({ erasures: z.array(ErasureView), next_cursor: z.string().nullable() })
  .meta({ id: "ErasurePage" });

/** 202 of `POST /erasure_replays`. */
export const ErasureReplayAccepted = z
  .object({ replayed: z.int() })
  .meta({ id: "ErasureReplayAccepted" });
