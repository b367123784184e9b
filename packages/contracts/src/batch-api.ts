import { z } from "zod";

import { BatchId, Instant, LeadUuid } from "./ids.ts";

export const BatchStatus = z
  .enum(["pending", "processing", "completed", "failed", "cancelled"])
  .meta({ id: "BatchStatus" });
export type BatchStatus = z.infer<typeof BatchStatus>;

/** `GET /batch_status/:batch_id`, and each item of `GET /batches`. */
export const BatchView = z
  .object({
    batch_id: BatchId,
    filename: z.string(),
    status: BatchStatus,
    total_leads: z.int(),
    processed_leads: z.int(),
    valid_leads: z.int(),
    invalid_leads: z.int(),
    skipped_rows: z.int(),
    error: z.string().nullable(),
    created_at: Instant,
    completed_at: Instant.nullable(),
  })
  .meta({ id: "BatchView" });
export type BatchView = z.infer<typeof BatchView>;

const FileWarning = z.object({ code: z.string(), message: z.string() });

/** 202 of `POST /upload_batch`. */
export const UploadAccepted = z
  .object({
    batch_id: BatchId,
    status: BatchStatus,
    filename: z.string(),
    total_leads: z.int(),
    warnings: z.array(FileWarning),
  })
  .meta({ id: "UploadAccepted" });
export type UploadAccepted = z.infer<typeof UploadAccepted>;

/** `GET /batches`: newest first; `next_cursor` is opaque and null on the last page. */
export const BatchPage = z
  .object({
    batches: z.array(BatchView),
    next_cursor: z.string().nullable(),
  })
  .meta({ id: "BatchPage" });
export type BatchPage = z.infer<typeof BatchPage>;

/** `erased`: nothing of the person is left, and nothing was or will be sent. */
export const WebhookStatus = z.enum(["pending", "sent", "failed", "cancelled", "erased"]);
export type WebhookStatus = z.infer<typeof WebhookStatus>;

/** `GET /webhook_status/:batch_id`: one item per announced lead, in row order. */
export const WebhookStatusPage = z
  .object({
    batch_id: BatchId,
    counts: z.object({
      pending: z.int(),
      sent: z.int(),
      failed: z.int(),
      cancelled: z.int(),
      erased: z.int(),
    }),
    leads: z.array(
      z.object({
        /** `erased` where the person was. */
        id: z.string(),
        lead_uuid: LeadUuid,
        row: z.int(),
        webhook_status: WebhookStatus,
        webhook_attempts: z.int(),
        webhook_scheduled_at: Instant,
        webhook_sent_at: Instant.nullable(),
        last_error: z.string().nullable(),
      }),
    ),
    next_cursor: z.string().nullable(),
  })
  .meta({ id: "WebhookStatusPage" });
export type WebhookStatusPage = z.infer<typeof WebhookStatusPage>;

/** 202 of `POST /webhook_retry/:batch_id`. */
export const WebhookRetryAccepted = z
  .object({ batch_id: BatchId, requeued: z.int() })
  .meta({ id: "WebhookRetryAccepted" });

/** 202 of `POST /batches/:batch_id/cancel`. */
export const BatchCancelAccepted = z
  .object({ batch_id: BatchId, status: BatchStatus })
  .meta({ id: "BatchCancelAccepted" });
