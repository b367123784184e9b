import type { RuleProfile } from "@valify/contracts/api";
import type { Database } from "@valify/database";
import { type Kysely, sql, type Transaction } from "kysely";

export interface StoredRuleProfile {
  /** 0: the tenant has never set one. */
  readonly version: number;
  readonly profile: RuleProfile;
  readonly rulesetVersion: string;
  readonly createdAt: Date | null;
}

const PROFILE = sql`version, profile, ruleset_version as "rulesetVersion", created_at as "createdAt"`;

/** The one in force: the newest. Along the primary key, backwards. */
export async function findNewestProfile(
  db: Kysely<Database>,
  tenantId: string,
): Promise<StoredRuleProfile | undefined> {
  const { rows } = await sql<StoredRuleProfile>`
    select ${PROFILE} from ingest.rule_profiles
    where tenant_id = ${tenantId} order by version desc limit 1`.execute(db);
  return rows[0];
}

export interface ProfileListing {
  readonly tenantId: string;
  /** Only versions below it. */
  readonly before: number | undefined;
  readonly limit: number;
}

/** Newest first, along the primary key. */
export async function listProfiles(
  db: Kysely<Database>,
  { tenantId, before, limit }: ProfileListing,
): Promise<readonly StoredRuleProfile[]> {
  const { rows } = await sql<StoredRuleProfile>`
    select ${PROFILE} from ingest.rule_profiles
    where tenant_id = ${tenantId} and version < ${before ?? 2_147_483_647}
    order by version desc limit ${limit}`.execute(db);
  return rows;
}

/** Two changes at once follow one another: the second waits here and sees the first's version. */
export async function lockProfiles(trx: Transaction<Database>, tenantId: string): Promise<void> {
  await sql`
    select from ingest.tenants where tenant_id = ${tenantId} for no key update`.execute(trx);
}

export async function insertProfile(
  trx: Transaction<Database>,
  tenantId: string,
  { version, profile, rulesetVersion }: Omit<StoredRuleProfile, "createdAt">,
): Promise<Date> {
  const { createdAt } = await trx
    .insertInto("ingest.rule_profiles")
    .values({
      tenant_id: tenantId,
      version,
      profile: JSON.stringify(profile),
      ruleset_version: rulesetVersion,
    })
    .returning(sql<Date>`created_at`.as("createdAt"))
    .executeTakeFirstOrThrow();
  return createdAt;
}
