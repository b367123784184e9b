import { z } from "zod";

/** One remark on a lead, with a stable code. The message is for people and may change. */
export const Finding = z.object({
  code: z.string().min(1),
  field: z.string(),
  message: z.string(),
});
export type Finding = z.infer<typeof Finding>;
