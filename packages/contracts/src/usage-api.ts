import { z } from "zod";

import { BatchId, Instant } from "./ids.ts";

/** `2026-11`, a month of UTC. */
export const UsageMonth = z.string().regex(/^2\d{3}-(0[1-9]|1[0-2])$/);

const UsageEntry = z.object({
  batch_id: BatchId,
  filename: z.string(),
  /** `reserve` at upload; when the batch ends, `charge` what was validated, `release` the rest. */
  kind: z.enum(["reserve", "charge", "release"]),
  leads: z.int().positive(),
  at: Instant,
});

/** `GET /usage`: the ledger of a month, oldest entry first. */
export const UsageStatement = z.object({
  month: UsageMonth,
  /** Validated, so to be paid: valid and invalid leads, not skipped rows. */
  leads_charged: z.int(),
  leads_reserved: z.int(),
  leads_released: z.int(),
  /** Batches with a charge. */
  batches_charged: z.int(),
  /** Reserved by batches that are at work now, whenever they were uploaded. */
  leads_open: z.int(),
  /** Null: no limit. */
  leads_per_month_max: z.int().nullable(),
  entries: z.array(UsageEntry),
  next_cursor: z.string().nullable(),
});
export type UsageStatement = z.infer<typeof UsageStatement>;
