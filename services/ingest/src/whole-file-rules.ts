import { batchIdOfUuid } from "@valify/contracts";
import type { RuleProfile } from "@valify/contracts/api";
import type { Database } from "@valify/database";
import { levelUnder, type RuleCode, ruleProfileOf } from "@valify/lead-file";
import type { Transaction } from "kysely";

import type { Failure } from "./problem.ts";
import {
  type FileWarning,
  findUploadByHash,
  lockContent,
  type NewBatch,
} from "./upload-queries.ts";
import { datesSuspect, sameRowsAs } from "./upload-refusals.ts";

export type WholeFileVerdict =
  | { readonly kind: "passed"; readonly warnings: readonly FileWarning[] }
  | { readonly kind: "refused"; readonly failure: Failure };

/**
 * The rules about a file as a whole, at the level the tenant gives them. In the transaction that
 * records it: of two files with the same leads the second sees the first.
 */
export async function judgeWholeFile(
  trx: Transaction<Database>,
  { warnings, tenantId, rowsSha256, options }: NewBatch,
  profile: RuleProfile,
): Promise<WholeFileVerdict> {
  const levelOf = (code: RuleCode) => levelUnder(ruleProfileOf(profile), code);
  const datesLevel = levelOf("FILE_DOB_ORDER_SUSPECT");
  const areSuspect = warnings.some(({ code }) => code === "FILE_DOB_ORDER_SUSPECT");
  if (areSuspect && datesLevel === "error") return { kind: "refused", failure: datesSuspect };
  const kept = warnings.filter(
    ({ code }) => code !== "FILE_DOB_ORDER_SUSPECT" || datesLevel !== "off",
  );

  const rowsLevel = levelOf("FILE_SAME_ROWS");
  // Whoever allows the same bytes again has said that the same leads are meant.
  if (rowsLevel === "off" || options.on_duplicate === "allow") {
    return { kind: "passed", warnings: kept };
  }
  await lockContent(trx, tenantId, rowsSha256);
  const same = await findUploadByHash(trx, tenantId, "rows_sha256", rowsSha256);
  if (same === undefined) return { kind: "passed", warnings: kept };
  if (rowsLevel === "error") return { kind: "refused", failure: sameRowsAs(same) };
  const message = `The same leads are in batch ${batchIdOfUuid(same.batchUuid)}`;
  return { kind: "passed", warnings: [...kept, { code: "FILE_SAME_ROWS", message }] };
}
