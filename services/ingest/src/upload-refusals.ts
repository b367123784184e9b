import { batchIdOfUuid } from "@valify/contracts";

import type { FileJudgement } from "./judge-file.ts";
import type { Failure } from "./problem.ts";
import type { StoredUpload } from "./upload-queries.ts";

export const keyReused: Failure = {
  status: 409,
  code: "IDEMPOTENCY_KEY_REUSED",
  detail: "This Idempotency-Key belongs to another file or other options. Use a new key",
};

/** The same bytes are in a batch already: most likely a slip, and every lead would be told twice. */
export function duplicateOf({ batchUuid, createdAt }: StoredUpload): Failure {
  const batchId = batchIdOfUuid(batchUuid);
  const day = createdAt.toLocaleDateString("en-GB", { dateStyle: "long", timeZone: "UTC" });
  return {
    status: 409,
    code: "FILE_DUPLICATE",
    detail: `Uploaded on ${day} as ${batchId}. Send on_duplicate=allow to process it again`,
    headers: { link: `</batch_status/${batchId}>; rel="related"` },
    batchId,
  };
}

/** The same leads in other bytes, which the tenant's rules refuse. */
export function sameRowsAs({ batchUuid }: Pick<StoredUpload, "batchUuid">): Failure {
  const batchId = batchIdOfUuid(batchUuid);
  return {
    status: 409,
    code: "FILE_SAME_ROWS",
    detail: `The same leads are in ${batchId}. Send on_duplicate=allow to process them again`,
    headers: { link: `</batch_status/${batchId}>; rel="related"` },
    batchId,
  };
}

/** Rows with a day up to 12 would silently have another birthday. */
export const datesSuspect: Failure = {
  status: 422,
  code: "FILE_DOB_ORDER_SUSPECT",
  detail: "The dates look like mm/dd/yyyy. Write them as dd/mm/yyyy",
};

/** Null where every row is valid. */
export function notAllValid({ invalidCount, skippedCount, counts }: FileJudgement): Failure | null {
  const badCount = invalidCount + skippedCount;
  if (badCount === 0) return null;
  const codes = counts
    .filter(({ severity }) => severity === "error")
    .map(({ code, count }) => `${code} (${count})`);
  return {
    status: 422,
    code: "FILE_NOT_ALL_VALID",
    detail: `${badCount} rows are not valid, so nothing was stored: ${codes.join(", ")}`,
  };
}
