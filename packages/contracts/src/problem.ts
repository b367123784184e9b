import { z } from "zod";

/** RFC 9457 problem details, as `application/problem+json`. `code` is stable, the rest is prose. */
export const Problem = z.object({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  code: z.string(),
  detail: z.string(),
});
export type Problem = z.infer<typeof Problem>;
