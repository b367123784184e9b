import { z } from "zod";

/** `GET /health`: 200 while healthy, else 503 with the part that fails. */
export const HealthView = z
  .object({
    status: z.enum(["healthy", "unhealthy"]),
    database: z.enum(["connected", "unreachable"]),
    s3: z.enum(["configured", "unreachable"]),
    nats: z.enum(["connected", "disconnected"]),
  })
  .meta({ id: "HealthView" });
export type HealthView = z.infer<typeof HealthView>;
