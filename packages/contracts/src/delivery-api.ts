import { z } from "zod";

import { BatchId, DeliveryId, EndpointId, Instant, LeadUuid } from "./ids.ts";

/** What a delivery is doing, exactly. `held` is nobody's fault and spends no attempt. */
const DeliveryState = z.enum([
  "sending",
  "waiting",
  "held",
  "delivered",
  "exhausted",
  "cancelled",
  "no_endpoint",
  "erased",
]);

/** The same in the words of `/webhook_status`. */
const DeliveryStatus = z.enum(["pending", "sent", "failed", "cancelled", "erased"]);

/** Why an attempt was made. */
const Trigger = z.enum(["scheduled", "retry", "deferral", "manual", "recover", "test"]);

const fields = {
  delivery_id: DeliveryId,
  /** The same on every attempt; a receiver knows repeats by it. */
  webhook_id: z.string(),
  /** Null: the tenant had no endpoint. */
  endpoint_id: EndpointId.nullable(),
  /** Null, like the lead, for a test event. */
  batch_id: BatchId.nullable(),
  lead_uuid: LeadUuid.nullable(),
  status: DeliveryStatus,
  state: DeliveryState,
  /** While waiting or held: what for, as `retry`, `rate` or `paused`. */
  wait_reason: z.string().nullable(),
  trigger: Trigger,
  attempts: z.int(),
  next_attempt_at: Instant.nullable(),
  last_attempt_at: Instant.nullable(),
  delivered_at: Instant.nullable(),
  last_status_code: z.int().nullable(),
  last_error: z.string().nullable(),
  created_at: Instant,
};

const DeliveryView = z.object(fields).meta({ id: "DeliveryView" });

/** One request, or one that was refused before it was made. */
const AttemptView = z
  .object({
    attempt: z.int(),
    trigger: Trigger,
    due_at: Instant,
    started_at: Instant,
    duration_ms: z.number(),
    /** `delivered` or the class of the failure. */
    outcome: z.string(),
    status_code: z.int().nullable(),
    /** Null where the connection was in use before. */
    dns_ms: z.number().nullable(),
    connect_ms: z.number().nullable(),
    tls_ms: z.number().nullable(),
    first_byte_ms: z.number().nullable(),
    remote_address: z.string().nullable(),
    /** Secrets are masked. */
    request_headers: z.record(z.string(), z.string()).nullable(),
    response_headers: z.record(z.string(), z.string()).nullable(),
    /** Its first bytes. */
    response_body: z.string().nullable(),
    response_truncated: z.boolean().nullable(),
  })
  .meta({ id: "AttemptView" });

/** `GET /deliveries`. A page may be short, or empty, and still not be the last. */
export const DeliveryPage = z
  .object({ deliveries: z.array(DeliveryView), next_cursor: z.string().nullable() })
  .meta({ id: "DeliveryPage" });

/** `GET /deliveries/:delivery_id`: attempts oldest first, in pages. */
export const DeliveryDetail = z
  .object({ ...fields, attempt_log: z.array(AttemptView), next_cursor: z.string().nullable() })
  .meta({ id: "DeliveryDetail" });

/** A state, or a status that stands for several. */
export const DeliveryFilter = z.enum([...DeliveryState.options, "pending", "sent", "failed"]);
export type DeliveryFilter = z.infer<typeof DeliveryFilter>;

/** 202 of `POST /deliveries/:delivery_id/resend`. */
export const ResendAccepted = z.object({ delivery_id: DeliveryId }).meta({ id: "ResendAccepted" });

/** 202 of `POST /deliveries/:delivery_id/cancel`: the delivery tells once it is done. */
export const DeliveryCancelAccepted = z
  .object({ delivery_id: DeliveryId })
  .meta({ id: "DeliveryCancelAccepted" });
