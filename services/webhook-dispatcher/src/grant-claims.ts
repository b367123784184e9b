import type { Database } from "@valify/database";
import type { Kysely } from "kysely";

import { claimDeliveries, type ClaimGrant, type ClaimRequest } from "./delivery-queries.ts";
import type { Endpoint, LoadedLead } from "./lead-queries.ts";

/** A delivery that a wake-up leads to. */
export interface Wanted {
  readonly request: ClaimRequest;
  readonly lead: LoadedLead;
  readonly endpoint: Endpoint | null;
  /** Nobody else has it: it needs no claim. */
  readonly isOurs: boolean;
}

/** What is known of a delivery that is ours to send. */
export type Grant = Omit<ClaimGrant, "deliveryId">;

/** Of a delivery that nothing is known of yet. */
const NEW_DELIVERY = { attempts: 0, cycleAttempts: 0, dueSince: null, bodySha256: null } as const;

/** By delivery id. Claims what somebody else may have, and takes the rest as it is. */
export async function grantClaims(
  db: Kysely<Database>,
  wanted: readonly Wanted[],
): Promise<ReadonlyMap<string, Grant>> {
  const grants = new Map<string, Grant>();
  const requests: ClaimRequest[] = [];
  for (const { request, isOurs } of wanted) {
    if (isOurs) grants.set(request.deliveryId, NEW_DELIVERY);
    else requests.push(request);
  }
  if (requests.length === 0) return grants;
  for (const [deliveryId, claimed] of await claimDeliveries(db, requests)) {
    grants.set(deliveryId, claimed);
  }
  return grants;
}
