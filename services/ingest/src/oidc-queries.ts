import type { Database } from "@valify/database";
import { sql, type Transaction } from "kysely";

export interface OidcUser {
  readonly tenantId: string;
  readonly userId: string;
  readonly isDisabled: boolean;
}

const OIDC_USER = sql`
  tenant_id as "tenantId", user_id as "userId", disabled_at is not null as "isDisabled"`;

/** Along the unique index of oidc_subject. As system, like everything before a sign-in. */
export async function findUserBySubject(
  trx: Transaction<Database>,
  subject: string,
): Promise<OidcUser | undefined> {
  const { rows } = await sql<OidcUser>`
    select ${OIDC_USER} from ingest.users where oidc_subject = ${subject}`.execute(trx);
  return rows[0];
}

/** The first sign-in binds the subject to the address, which no second subject can take over. */
export async function bindSubject(
  trx: Transaction<Database>,
  email: string,
  subject: string,
): Promise<OidcUser | undefined> {
  const { rows } = await sql<OidcUser>`
    update ingest.users set oidc_subject = ${subject}
    where email = ${email} and oidc_subject is null returning ${OIDC_USER}`.execute(trx);
  return rows[0];
}
