import { type RowVerdict, withFinding } from "./judge-row.ts";
import type { FileRow } from "./lead-file.ts";
import { type Finding, findingOf } from "./rules/rule.ts";
import type { Ruleset } from "./rules/ruleset.ts";

/** A row with what is said of it so far: other batches and an external check may add to it. */
export interface JudgedRow {
  readonly row: FileRow;
  readonly verdict: RowVerdict;
}

/** A lead to look for among those of earlier batches, once per chunk. */
export interface LeadQuestion {
  readonly leadId: string;
  /** Valid so far: it may claim to be the first of its kind. A refused lead blocks no correction. */
  readonly isClaim: boolean;
}

/** What is known of a lead from before its batch. */
export type KnownLead =
  | { readonly kind: "suppressed" }
  | { readonly kind: "seen"; readonly batchId: string; readonly date: string };

/** Only leads with a date of birth: without one a label is shared by many people. */
export function questionsOf(rows: readonly JudgedRow[], ruleset: Ruleset): readonly LeadQuestion[] {
  const looksBack = ruleset.levelOf("DUP_PREVIOUS_BATCH") !== "off";
  const claims = new Map<string, boolean>();
  for (const { verdict } of rows) {
    const { leadId, dobDate, status } = verdict;
    if (dobDate === null) continue;
    const isClaim = looksBack && status === "valid";
    claims.set(leadId, isClaim || claims.get(leadId) === true);
  }
  return [...claims].map(([leadId, isClaim]) => ({ leadId, isClaim }));
}

/** Adds what is known to the verdicts; rows of other leads stay the very same. */
export function withKnown(
  rows: readonly JudgedRow[],
  known: ReadonlyMap<string, KnownLead>,
  ruleset: Ruleset,
): readonly JudgedRow[] {
  if (known.size === 0) return rows;
  return rows.map((judged) => {
    const { leadId, dobDate, status } = judged.verdict;
    const knowledge = dobDate === null ? undefined : known.get(leadId);
    if (knowledge === undefined) return judged;
    // An invalid lead claims nothing, so it is no second one either.
    if (knowledge.kind === "seen" && status !== "valid") return judged;
    const finding = findingFor(knowledge, ruleset);
    return finding === null ? judged : { ...judged, verdict: withFinding(judged.verdict, finding) };
  });
}

function findingFor(knowledge: KnownLead, ruleset: Ruleset): Finding | null {
  if (knowledge.kind === "suppressed") {
    const message = "This person asked to be erased";
    return findingOf(ruleset, { code: "SUPPRESSED_ERASED", field: "row", message });
  }
  const message = `Already seen in batch ${knowledge.batchId} on ${knowledge.date}`;
  return findingOf(ruleset, { code: "DUP_PREVIOUS_BATCH", field: "row", message });
}
