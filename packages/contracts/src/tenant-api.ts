import { z } from "zod";

import { UserCreation } from "./access-api.ts";
import { Instant, TenantId } from "./ids.ts";

const NAME_LENGTH_MAX = 100;
const Name = z.string().trim().min(1).max(NAME_LENGTH_MAX);
const Limit = z.int().min(0).nullable();

/** Null: no limit. Days and months are those of UTC. */
const limits = {
  files_per_day_max: Limit,
  leads_per_month_max: Limit,
  stored_bytes_max: Limit,
  concurrent_batches_max: Limit,
};

const tenant = {
  tenant_id: TenantId,
  name: z.string(),
  limits: z.object(limits),
  created_at: Instant,
};

export const TenantView = z.object(tenant).meta({ id: "TenantView" });
export type TenantView = z.infer<typeof TenantView>;

/** `GET /tenant`: one's own, with what counts against its limits now. */
export const OwnTenantView = z.object({
  ...tenant,
  use: z.object({
    files_today: z.int(),
    leads_this_month: z.int(),
    stored_bytes: z.int(),
    concurrent_batches: z.int(),
  }),
});

export const TenantPage = z.object({
  tenants: z.array(TenantView),
  next_cursor: z.string().nullable(),
});

/** `POST /tenants`, with its first admin. */
export const TenantCreation = z.strictObject({
  name: Name,
  limits: z.strictObject(limits).partial().default({}),
  admin: UserCreation.omit({ role: true }).optional(),
});
export type TenantCreation = z.infer<typeof TenantCreation>;

/** `PATCH /tenants/:tenant_id`: what is left out stays as it is. */
export const TenantChange = z.strictObject({
  name: Name.optional(),
  limits: z.strictObject(limits).partial().default({}),
});
export type TenantChange = z.infer<typeof TenantChange>;
