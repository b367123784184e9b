import { arrayLiteral, type Database } from "@valify/database";
import { type Kysely, sql } from "kysely";

import type { KnownDelivery } from "./domain/route-lead.ts";

/** By primary key: what ingest wrote down before it asked for deliveries that do not exist yet. */
export async function findReplayTargets(
  db: Kysely<Database>,
  deliveryIds: readonly string[],
): Promise<ReadonlyMap<string, KnownDelivery>> {
  const { rows } = await sql<KnownDelivery>`
    select delivery_id as "deliveryId", lead_uuid as "leadUuid", endpoint_id as "endpointId",
      'waiting' as state
    from ingest.replay_targets where delivery_id = any (${arrayLiteral(deliveryIds)}::uuid[])
  `.execute(db);
  return new Map(rows.map((row) => [row.deliveryId, row]));
}
