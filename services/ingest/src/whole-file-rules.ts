import { batchIdOfUuid } from "@valify/contracts";
import type { RuleProfile } from "@valify/contracts/api";
import type { Database } from "@valify/database";
import { levelUnder, type RuleCode, type RuleLevel, ruleProfileOf } from "@valify/lead-file";
import type { Kysely, Transaction } from "kysely";

import type { Failure } from "./problem.ts";
import {
  type FileWarning,
  findUploadByHash,
  lockContent,
  type NewBatch,
} from "./upload-queries.ts";
import { datesSuspect, sameRowsAs } from "./upload-refusals.ts";

export type WholeFile = Pick<NewBatch, "warnings" | "tenantId" | "rowsSha256" | "options">;

export interface WholeFileVerdict {
  readonly warnings: readonly FileWarning[];
  /** Why the file is refused as a whole; null: it is not. */
  readonly refusal: Failure | null;
}

/** Until the transaction ends, nobody else records these leads: the second of two sees the first. */
export async function lockRows(
  trx: Transaction<Database>,
  { tenantId, rowsSha256, options }: WholeFile,
  profile: RuleProfile,
): Promise<void> {
  if (looksForSameRows(options, profile)) await lockContent(trx, tenantId, rowsSha256);
}

/** The rules about a file as a whole, at the level that the tenant or this upload gives them. */
export async function judgeWholeFile(
  db: Kysely<Database>,
  { warnings, tenantId, rowsSha256, options }: WholeFile,
  profile: RuleProfile,
): Promise<WholeFileVerdict> {
  const datesLevel =
    options.mode === "strict" ? "error" : levelOf(profile, "FILE_DOB_ORDER_SUSPECT");
  const areSuspect = warnings.some(({ code }) => code === "FILE_DOB_ORDER_SUSPECT");
  const kept = warnings.filter(
    ({ code }) => code !== "FILE_DOB_ORDER_SUSPECT" || datesLevel !== "off",
  );
  const datesRefusal = areSuspect && datesLevel === "error" ? datesSuspect : null;
  if (!looksForSameRows(options, profile)) return { warnings: kept, refusal: datesRefusal };

  const same = await findUploadByHash(db, tenantId, "rows_sha256", rowsSha256);
  if (same === undefined) return { warnings: kept, refusal: datesRefusal };
  const isRefused = levelOf(profile, "FILE_SAME_ROWS") === "error";
  const message = `The same leads are in batch ${batchIdOfUuid(same.batchUuid)}`;
  return {
    warnings: [...kept, { code: "FILE_SAME_ROWS", message }],
    refusal: datesRefusal ?? (isRefused ? sameRowsAs(same) : null),
  };
}

/** Whoever allows the same bytes again has said that the same leads are meant. */
function looksForSameRows(options: WholeFile["options"], profile: RuleProfile): boolean {
  return options.on_duplicate !== "allow" && levelOf(profile, "FILE_SAME_ROWS") !== "off";
}

function levelOf(profile: RuleProfile, code: RuleCode): RuleLevel {
  return levelUnder(ruleProfileOf(profile), code);
}
