import type { RowVerdict } from "@valify/lead-file";

const CODE = "SUPPRESSED_ERASED";

/**
 * The verdict on somebody who asked to be erased, without them: the row, that it is refused, and why.
 * Telling other teams or a customer who it was would undo what they asked for.
 */
export function forgetSuppressed(verdict: RowVerdict): RowVerdict & { readonly isErased: boolean } {
  const refusal = verdict.errors.find(({ code }) => code === CODE);
  if (refusal === undefined) return { ...verdict, isErased: false };
  const nobody = { leadId: "erased", firstName: "", lastName: "", dob: "", dobDate: null };
  return { ...verdict, ...nobody, errors: [refusal], warnings: [], isErased: true };
}
