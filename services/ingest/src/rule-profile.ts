import { hash } from "node:crypto";

import { RuleProfile } from "@valify/contracts/api";
import type { Database } from "@valify/database";
import { ruleProfileOf, rulesetText, unknownCodesOf } from "@valify/lead-file";
import type { Kysely } from "kysely";

import { type Actor, recordAudit } from "./audit.ts";
import { type Failure, failures } from "./problem.ts";
import {
  findNewestProfile,
  insertProfile,
  lockProfiles,
  type StoredRuleProfile,
} from "./rule-profile-queries.ts";
import { inTenant } from "./tenant-scope.ts";

const HASH_LENGTH = 16;

const defaults: StoredRuleProfile = {
  version: 0,
  profile: RuleProfile.parse({}),
  rulesetVersion: rulesetVersionOf(RuleProfile.parse({})),
  createdAt: null,
};

/** Names all that decides a verdict but the lead and the day. */
function rulesetVersionOf(profile: RuleProfile): string {
  const text = rulesetText(ruleProfileOf(profile));
  return `rs_${hash("sha256", text, "hex").slice(0, HASH_LENGTH)}`;
}

/** The rules that a batch accepted now is judged by. */
export async function currentProfile(
  db: Kysely<Database>,
  tenantId: string,
): Promise<StoredRuleProfile> {
  const stored = await findNewestProfile(db, tenantId);
  if (stored === undefined) return defaults;
  // A version stored before a field was added has its default.
  return { ...stored, profile: RuleProfile.parse(stored.profile) };
}

/** Why a well-formed profile cannot be used. */
export function refuseProfile(profile: RuleProfile): Failure | null {
  const [unknown] = unknownCodesOf(profile);
  if (unknown === undefined) return null;
  const detail = `levels: ${unknown} is no rule, or one that cannot be changed`;
  return { ...failures.ruleUnknown, detail };
}

export type ProfileChange =
  | { readonly kind: "stored"; readonly stored: StoredRuleProfile }
  /** Somebody else changed it since the caller looked. */
  | { readonly kind: "stale" };

export interface NewProfile {
  readonly profile: RuleProfile;
  /** The version that the caller has seen; undefined: whatever is there. */
  readonly seenVersion: number | undefined;
}

/** Adds a version; batches accepted before keep theirs. */
export async function changeProfile(
  db: Kysely<Database>,
  actor: Actor,
  { profile, seenVersion }: NewProfile,
): Promise<ProfileChange> {
  const { tenantId } = actor;
  return inTenant(db, tenantId, async (trx): Promise<ProfileChange> => {
    await lockProfiles(trx, tenantId);
    const { version } = await currentProfile(trx, tenantId);
    if (seenVersion !== undefined && seenVersion !== version) return { kind: "stale" };
    const rulesetVersion = rulesetVersionOf(profile);
    const next = { version: version + 1, profile, rulesetVersion };
    const createdAt = await insertProfile(trx, tenantId, next);
    await recordAudit(trx, actor, {
      action: "rule_profile.changed",
      objectKind: "rule_profile",
      objectId: String(next.version),
      details: { rulesetVersion },
    });
    return { kind: "stored", stored: { ...next, createdAt } };
  });
}
