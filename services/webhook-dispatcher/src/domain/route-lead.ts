import { uuidOfBatchId, WakeUpKind, type WebhookDue } from "@valify/contracts";

import type { Lead } from "./webhook-body.ts";

/** Stands in for the endpoint of a lead that no endpoint takes. */
export const NO_ENDPOINT_ID = "00000000-0000-0000-0000-000000000000";

interface RoutableEndpoint {
  readonly endpointId: string;
  readonly send: "all" | "valid" | "invalid";
}

/** What a wake-up by a delivery's id stands for. */
export interface KnownDelivery {
  readonly deliveryId: string;
  readonly leadUuid: string;
  readonly endpointId: string;
  readonly state: string;
}

interface RouteRequest {
  readonly leadUuid: string;
  readonly tenantId: string;
  readonly batchId: string;
  readonly round: number;
  readonly kind: number;
}

/** Where one wake-up leads: to an endpoint, to none, or to nothing at all. */
export type Route<LeadRow, EndpointRow> =
  | {
      readonly kind: "deliver";
      readonly request: RouteRequest;
      readonly lead: LeadRow;
      readonly endpointId: string;
      /** Null: it was deleted meanwhile. */
      readonly endpoint: EndpointRow | null;
      /** Known for a later wake-up; a first one makes it of lead and endpoint. */
      readonly deliveryId: string | null;
      /** The placeholder that this delivery takes the place of. */
      readonly replaces: string | null;
    }
  | {
      readonly kind: "unrouted";
      readonly request: RouteRequest;
      readonly state: "no_endpoint" | "cancelled";
      readonly reason: "no_endpoint" | "filtered";
    }
  | { readonly kind: "lead_missing" };

/**
 * A first wake-up fans out to the endpoints its tenant has at that moment, each with its filter;
 * so does the replay of a lead that had none. Every other wake-up belongs to one delivery.
 */
export function routesOf<LeadRow extends Lead, EndpointRow extends RoutableEndpoint>(
  event: WebhookDue,
  known: KnownDelivery | undefined,
  leads: ReadonlyMap<string, LeadRow>,
  endpointsOfTenant: ReadonlyMap<string, readonly EndpointRow[]>,
): readonly Route<LeadRow, EndpointRow>[] {
  const { kind, round, tenant_id: tenantId } = event;
  const isFirst = kind === WakeUpKind.first;
  const lead = leads.get(known?.leadUuid ?? event.id);
  if (lead === undefined || (!isFirst && known === undefined)) return [{ kind: "lead_missing" }];
  const batchId = uuidOfBatchId(event.batch_id);
  const request = { leadUuid: lead.leadUuid, tenantId, batchId, round, kind };
  const ofTenant = endpointsOfTenant.get(lead.tenantId) ?? [];

  if (known !== undefined && known.state !== "no_endpoint") {
    const { endpointId, deliveryId } = known;
    const endpoint = ofTenant.find((candidate) => candidate.endpointId === endpointId) ?? null;
    const target = { endpointId, endpoint, deliveryId, replaces: null };
    return [{ kind: "deliver", request, lead, ...target }];
  }
  if (ofTenant.length === 0) {
    return [{ kind: "unrouted", request, state: "no_endpoint", reason: "no_endpoint" }];
  }
  const takers = ofTenant.filter(({ send }) => send === "all" || send === lead.status);
  if (takers.length === 0) {
    return [{ kind: "unrouted", request, state: "cancelled", reason: "filtered" }];
  }
  const replaces = known?.deliveryId ?? null;
  return takers.map((endpoint) => {
    const { endpointId } = endpoint;
    return { kind: "deliver", request, lead, endpointId, endpoint, deliveryId: null, replaces };
  });
}
