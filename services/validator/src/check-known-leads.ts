import { hash } from "node:crypto";

import { batchIdOfUuid } from "@valify/contracts";
import type { Database } from "@valify/database";
import { formatDayFirst, londonDateOf, type Ruleset } from "@valify/lead-file";
import type { Kysely } from "kysely";

import type { Batch } from "./domain/batch.ts";
import type { Draft } from "./domain/chunk-judge.ts";
import { type KnownLead, questionsOf, withKnown } from "./domain/known-leads.ts";
import { claimLeads, type HeldClaim } from "./lead-claim-queries.ts";
import type { Run } from "./run-queries.ts";

/** 128 bits: among a thousand million leads no two would share one. */
const HASH_DIGITS = 32;

/**
 * What other batches have to say to a chunk: leads seen before, and people who asked to be erased.
 * Repeatable: the same chunk of the same batch gets the same answer.
 */
export async function checkKnownLeads(
  db: Kysely<Database>,
  run: Run & { readonly batch: Pick<Batch, "tenantId"> },
  drafts: readonly Draft[],
  ruleset: Ruleset,
): Promise<readonly Draft[]> {
  const questions = questionsOf(drafts, ruleset);
  if (questions.length === 0) return drafts;
  const { tenantId } = run.batch;
  const idOfHash = new Map(questions.map(({ leadId }) => [leadHashOf(tenantId, leadId), leadId]));
  const held = await claimLeads(db, run, {
    hashes: [...idOfHash.keys()],
    areClaims: questions.map(({ isClaim }) => isClaim),
    tenantId,
    windowDays: ruleset.profile.duplicateWindowDays,
    takesSeen: ruleset.levelOf("DUP_PREVIOUS_BATCH") !== "error",
  });
  const known = held.map(
    (claim) => [idOfHash.get(claim.leadHash) ?? "", knownLeadOf(claim)] as const,
  );
  return withKnown(drafts, new Map(known), ruleset);
}

/** Of tenant and lead: one tenant's hashes tell nothing about another's. */
export function leadHashOf(tenantId: string, leadId: string): string {
  return hash("sha256", `${tenantId} ${leadId}`, "hex").slice(0, HASH_DIGITS);
}

function knownLeadOf({ batchUuid, claimedAt }: HeldClaim): KnownLead {
  if (batchUuid === null) return { kind: "suppressed" };
  const date = formatDayFirst(londonDateOf(claimedAt));
  return { kind: "seen", batchId: batchIdOfUuid(batchUuid), date };
}
