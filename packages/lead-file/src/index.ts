export type { CalendarDate } from "./calendar.ts";
export { formatDayFirst, londonDateOf } from "./calendar.ts";
export { createDuplicateFinder, type DuplicateFinder } from "./duplicate-finder.ts";
export { eraseResultRows } from "./erase-result-rows.ts";
export type { FileProblem, FileProblemCode, FileWarning } from "./file-problem.ts";
export { judgeRow, type RowVerdict, withFinding } from "./judge-row.ts";
export { type JudgedRow, type KnownLead, questionsOf, withKnown } from "./known-leads.ts";
export { LEAD_ID_PATTERN, leadIdOf } from "./lead-id.ts";
export type {
  Dialect,
  FileRow,
  HeaderMap,
  LeadField,
  LeadFile,
  LeadFileLimits,
  LeadFileReading,
  RowProblem,
  RowProblemCode,
} from "./lead-file.ts";
export { canonicalRows } from "./canonical-rows.ts";
export { readLeadFile } from "./read-lead-file.ts";
export { createResultsWriter, type ResultRow, type ResultsWriter } from "./results-writer.ts";
export { isRuleCode, type RuleCode, type RuleInfo, ruleCatalogue } from "./rules/catalogue.ts";
export {
  defaultRuleProfile,
  levelUnder,
  type RuleProfile,
  ruleProfileOf,
  rulesetText,
  unknownCodesOf,
} from "./rules/profile.ts";
export { type Finding, findingOf, type JudgeContext, type RuleLevel } from "./rules/rule.ts";
export { compileRuleset, type Ruleset } from "./rules/ruleset.ts";
export { templateCsv } from "./template.ts";
