import { z } from "zod";

/** One remark on a lead, with a stable code. The message is for people and may change. */
export const Finding = z
  .object({
    code: z.string().min(1),
    field: z.string(),
    /** A lead with an `error` is invalid; `info` among the warnings never speaks against it. */
    severity: z.enum(["error", "warning", "info"]).optional(),
    message: z.string(),
  })
  .meta({ id: "Finding" });
export type Finding = z.infer<typeof Finding>;
