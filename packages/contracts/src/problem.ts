import { z } from "zod";

import { BatchId } from "./ids.ts";
import { PROBLEM_CODES } from "./problem-codes.ts";

const code = z.string().meta({
  description: "Stable: match on it, never on the prose. More may be added",
  "x-codes": PROBLEM_CODES,
});

/** RFC 9457 problem details, as `application/problem+json`. `code` is stable, the rest is prose. */
export const Problem = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    code,
    detail: z.string(),
    /** Of FILE_DUPLICATE: the batch that holds the same bytes; `Link` leads to it. */
    batch_id: BatchId.optional(),
  })
  .meta({ id: "Problem" });
export type Problem = z.infer<typeof Problem>;
