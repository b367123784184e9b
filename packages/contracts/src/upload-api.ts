import { z } from "zod";

import { Finding } from "./finding.ts";
import { BatchId } from "./ids.ts";

const dryRun = z.enum(["true", "false"]).meta({
  description: "`true`: nothing is stored; the answer is what an upload would lead to",
});
const mode = z.enum(["partial", "strict", "all_or_nothing"]).meta({
  description:
    "`strict`: refuse the file where its dates look like mm/dd/yyyy, whatever the rule profile says. " +
    "`all_or_nothing`: refuse it where any row is not valid. Default `partial`",
});
const onDuplicate = z.enum(["refuse", "allow"]).meta({
  description: "`allow`: process the same bytes again. Default `refuse`",
});

/** `high` overtakes the batches of every tenant that wait; it needs `operations:write`. */
export const BatchPriority = z.enum(["normal", "high"]).meta({
  description: "`high` goes before all that waits, and needs the permission `operations:write`",
});
export type BatchPriority = z.infer<typeof BatchPriority>;

const options = {
  dry_run: dryRun.optional(),
  mode: mode.optional(),
  on_duplicate: onDuplicate.optional(),
  priority: BatchPriority.optional(),
};

/** Options of `POST /upload_batch` in its query; fields of the form go before them. */
export const UploadQuery = z.strictObject(options);
export type UploadQuery = z.infer<typeof UploadQuery>;

/** The form of `POST /upload_batch`. */
export const UploadForm = z.object({
  file: z.string().meta({ format: "binary", description: "The CSV" }),
  ...options,
});

/** What a batch keeps of its options. */
export const BatchOptions = z.object({
  mode: mode.default("partial"),
  on_duplicate: onDuplicate.default("refuse"),
  priority: BatchPriority.default("normal"),
});
export type BatchOptions = z.infer<typeof BatchOptions>;

/** How often one code was found, over a whole file. */
export const FindingCount = z
  .object({ code: z.string(), severity: z.enum(["error", "warning", "info"]), count: z.int() })
  .meta({ id: "FindingCount" });
export type FindingCount = z.infer<typeof FindingCount>;

const MappedColumn = z.object({
  /** Counted from 1. */
  column: z.int(),
  header: z.string(),
});

/** 200 of `POST /upload_batch` with `dry_run=true`. Nothing of it is stored. */
export const UploadPreview = z
  .object({
    dry_run: z.literal(true),
    filename: z.string(),
    encoding: z.string(),
    delimiter: z.string(),
    mapping: z.object({ first_name: MappedColumn, last_name: MappedColumn, dob: MappedColumn }),
    total_leads: z.int(),
    valid_leads: z.int(),
    invalid_leads: z.int(),
    skipped_rows: z.int(),
    warnings: z.array(z.object({ code: z.string(), message: z.string() })),
    counts: z.array(FindingCount),
    /** The first ten. */
    rows: z.array(
      z.object({
        row: z.int(),
        line: z.int(),
        first_name: z.string(),
        last_name: z.string(),
        dob: z.string(),
        status: z.enum(["valid", "invalid", "skipped"]),
        errors: z.array(Finding),
        warnings: z.array(Finding),
      }),
    ),
    /** The batch that the same bytes are in already. */
    duplicate_of: BatchId.nullable(),
    /** Why an upload with these options would be refused now; null: it would be taken. */
    refusal: z.object({ status: z.int(), code: z.string(), detail: z.string() }).nullable(),
  })
  .meta({ id: "UploadPreview" });
export type UploadPreview = z.infer<typeof UploadPreview>;

/** `GET /batches/:batch_id/findings`: in row order, errors of a row before its warnings. */
export const FindingPage = z
  .object({
    batch_id: BatchId,
    /** Over the whole batch, whatever is asked for, the most frequent first. */
    counts: z.array(FindingCount),
    findings: z.array(
      z.object({
        row: z.int(),
        line: z.int(),
        field: z.string(),
        code: z.string(),
        severity: z.enum(["error", "warning", "info"]),
        message: z.string(),
        /** What stands in the field; null where the finding is about the row. */
        value: z.string().nullable(),
      }),
    ),
    next_cursor: z.string().nullable(),
  })
  .meta({ id: "FindingPage" });
export type FindingPage = z.infer<typeof FindingPage>;
