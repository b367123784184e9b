import { batchIdOfUuid } from "@valify/contracts";
import type { Database, LeadHash } from "@valify/database";
import {
  formatDayFirst,
  type KnownLead,
  londonDateOf,
  questionsOf,
  type Ruleset,
  withKnown,
} from "@valify/lead-file";
import type { Kysely } from "kysely";

import type { Batch } from "./domain/batch.ts";
import type { Draft } from "./domain/chunk-judge.ts";
import { claimLeads, findSuppressed, type HeldClaim } from "./lead-claim-queries.ts";
import type { Run } from "./run-queries.ts";

/**
 * What other batches have to say to a chunk: leads seen before, and people who asked to be erased.
 * Repeatable: the same chunk of the same batch gets the same answer.
 */
export async function checkKnownLeads(
  { db, leadHash }: { readonly db: Kysely<Database>; readonly leadHash: LeadHash },
  run: Run & { readonly batch: Pick<Batch, "tenantId"> },
  drafts: readonly Draft[],
  ruleset: Ruleset,
): Promise<readonly Draft[]> {
  const questions = questionsOf(drafts, ruleset);
  if (questions.length === 0) return drafts;
  const { tenantId } = run.batch;
  const idOfHash = new Map(questions.map(({ leadId }) => [leadHash(tenantId, leadId), leadId]));
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

/**
 * Who asked to be erased, before anybody else is asked about a chunk: nothing of them is to leave. They
 * are found again by {@link checkKnownLeads}, which changes nothing more.
 */
export async function refuseSuppressed(
  { db, leadHash }: { readonly db: Kysely<Database>; readonly leadHash: LeadHash },
  { tenantId }: Pick<Batch, "tenantId">,
  drafts: readonly Draft[],
  ruleset: Ruleset,
): Promise<readonly Draft[]> {
  const questions = questionsOf(drafts, ruleset);
  const idOfHash = new Map(questions.map(({ leadId }) => [leadHash(tenantId, leadId), leadId]));
  if (idOfHash.size === 0) return drafts;
  const suppressed = await findSuppressed(db, [...idOfHash.keys()]);
  const known = suppressed.map(
    (claim) => [idOfHash.get(claim.leadHash) ?? "", knownLeadOf(claim)] as const,
  );
  return withKnown(drafts, new Map(known), ruleset);
}

function knownLeadOf({ batchUuid, claimedAt }: HeldClaim): KnownLead {
  if (batchUuid === null) return { kind: "suppressed" };
  const date = formatDayFirst(londonDateOf(claimedAt));
  return { kind: "seen", batchId: batchIdOfUuid(batchUuid), date };
}
