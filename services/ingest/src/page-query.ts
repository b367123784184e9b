import { z } from "zod";

/** For lists that page by id or number. */
export const pageQuery = z.strictObject({
  cursor: z.string().optional(),
  limit: z.coerce.number().int().min(1).max(200).default(50),
});
