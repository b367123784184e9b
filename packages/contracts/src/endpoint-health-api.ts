import { z } from "zod";

import { EndpointId, Instant } from "./ids.ts";

/**
 * `GET /endpoints/:endpoint_id/health`: how the endpoint does and what waits for it. While it is
 * `open` one request at a time finds out whether it is back, and everything else is held; `disabled`
 * lasts until somebody makes the endpoint active again.
 */
export const EndpointHealthView = z
  .object({
    endpoint_id: EndpointId,
    state: z.enum(["healthy", "degraded", "open", "disabled", "paused"]),
    /** Since the last success. */
    consecutive_failures: z.int(),
    failing_since: Instant.nullable(),
    /** While it is open: when it is tried next. */
    next_probe_at: Instant.nullable(),
    /** It answered 429, or 503 with Retry-After. */
    throttled_until: Instant.nullable(),
    disabled_at: Instant.nullable(),
    disabled_reason: z.enum(["gone", "requested", "failing"]).nullable(),
    /** Deliveries that wait or are held, by what for. None of them is charged an attempt by it. */
    waiting: z.partialRecord(
      z.enum(["retry", "rate", "full", "throttled", "open", "paused", "disabled", "internal"]),
      z.int(),
    ),
  })
  .meta({ id: "EndpointHealthView" });
export type EndpointHealthView = z.infer<typeof EndpointHealthView>;
