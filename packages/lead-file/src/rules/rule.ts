import type { CalendarDate } from "../calendar.ts";
import type { LeadField } from "../lead-file.ts";

type FindingField = LeadField | "row";

/** One thing a rule found. Codes are stable and never used again for something else. */
export interface Finding {
  readonly code: string;
  readonly field: FindingField;
  readonly message: string;
}

/** A tenant's choices; snapshotted on the batch, so that a lead is judged by one profile for ever. */
export interface RuleProfile {
  /** Completed years on the day of validation; 0 switches the rule off. */
  readonly minAge: number;
  readonly maxAge: number;
  /** Whether one name is enough: a missing last name is then a warning. */
  readonly allowMononym: boolean;
}

export const defaultRuleProfile: RuleProfile = { minAge: 18, maxAge: 120, allowMononym: false };

export interface JudgeContext {
  /** Today in London, frozen per batch: a resumed batch judges its last row like its first. */
  readonly asOf: CalendarDate;
  readonly rules: RuleProfile;
}

export type Severity = "error" | "warning";

/** Collects findings of one row by severity; a lead is valid when there is no error. */
export interface Findings {
  readonly errors: Finding[];
  readonly warnings: Finding[];
}

export function report(findings: Findings, severity: Severity, finding: Finding): void {
  (severity === "error" ? findings.errors : findings.warnings).push(finding);
}
