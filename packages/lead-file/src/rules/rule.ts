import type { CalendarDate } from "../calendar.ts";
import type { LeadField } from "../lead-file.ts";
import type { RuleCode } from "./catalogue.ts";
import type { Ruleset } from "./ruleset.ts";

export type FindingField = LeadField | "row";

/** `info` never speaks against a lead; `warning` wants a look; a lead is valid without `error`. */
export type Severity = "error" | "warning" | "info";

/** What a profile may make of a rule. */
export type RuleLevel = Severity | "off";

/** One thing a rule found. Codes are stable and never used again for something else. */
export interface Finding {
  readonly code: string;
  readonly field: FindingField;
  readonly severity: Severity;
  readonly message: string;
}

export interface JudgeContext {
  /** Today in London, frozen per batch: a resumed batch judges its last row like its first. */
  readonly asOf: CalendarDate;
  readonly ruleset: Ruleset;
}

/** Collects findings of one row; `warnings` hold what is no error, with its severity. */
export interface Findings {
  readonly errors: Finding[];
  readonly warnings: Finding[];
}

/** What a rule says before the profile has decided how bad it is. */
export interface Remark {
  readonly code: RuleCode;
  readonly field: FindingField;
  readonly message: string;
  /** The rule itself is not sure: an error becomes a warning. */
  readonly isDoubtful?: boolean;
}

/** The finding at the severity that the profile gives its rule; `null` where the rule is off. */
export function findingOf(ruleset: Ruleset, remark: Remark): Finding | null {
  const { code, field, message, isDoubtful = false } = remark;
  const level = ruleset.levelOf(code);
  if (level === "off") return null;
  const severity = isDoubtful && level === "error" ? "warning" : level;
  return { code, field, severity, message };
}

export function report(findings: Findings, { ruleset }: JudgeContext, remark: Remark): void {
  const finding = findingOf(ruleset, remark);
  if (finding === null) return;
  (finding.severity === "error" ? findings.errors : findings.warnings).push(finding);
}
