import {
  type BatchFailed,
  batchFailed,
  type EndpointDisabled,
  endpointDisabled,
} from "@valify/contracts";

/** Something that people have to know of. Ids and codes alone: mail is read by anybody on its way. */
export interface OperationalNotice {
  /** The event's own id: the same for every repeat. */
  readonly eventId: string;
  readonly type: "batch.failed" | "endpoint.disabled";
  readonly tenantId: string;
  readonly at: string;
  readonly data: Readonly<Record<string, string>>;
  readonly subject: string;
  readonly text: string;
}

export function noticeOfFailedBatch(event: BatchFailed): OperationalNotice {
  const { batch_id: batchId, tenant_id: tenantId, code, message, failed_at: at } = event;
  return {
    eventId: batchFailed.eventId(event),
    type: "batch.failed",
    tenantId,
    at,
    data: { tenant_id: tenantId, batch_id: batchId, code, message, failed_at: at },
    subject: `Batch failed: ${code}`,
    text:
      `The batch ${batchId} could not be validated.\n\n${message}. (${code})\n\n` +
      "Leads that were announced before stay announced; none of it is charged.\n",
  };
}

export function noticeOfDisabledEndpoint(event: EndpointDisabled): OperationalNotice {
  const { endpoint_id: endpointId, tenant_id: tenantId, reason, disabled_at: at } = event;
  return {
    eventId: endpointDisabled.eventId(event),
    type: "endpoint.disabled",
    tenantId,
    at,
    data: { tenant_id: tenantId, endpoint_id: endpointId, reason, disabled_at: at },
    subject: `Webhook endpoint disabled: ${reason}`,
    text:
      `The webhook endpoint ${endpointId} receives nothing more.\n\nReason: ${reason}\n\n` +
      "Its webhooks are held. Mend the receiver, then set the endpoint to active again.\n",
  };
}
