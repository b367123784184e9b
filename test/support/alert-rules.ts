import { readFileSync } from "node:fs";
import { join } from "node:path";

import { parse } from "yaml";

export interface AlertRule {
  readonly alert?: string;
  readonly record?: string;
  readonly expr: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** What an expression asks Prometheus for: `status_code=~"5.."` as its label alone, with no value. */
export interface Selector {
  readonly metric: string;
  readonly labels: readonly string[];
  /** What a label must be, where it is said. */
  readonly values: Readonly<Record<string, string>>;
}

export interface RuleTest {
  readonly alertname: string;
  readonly fires: boolean;
}

const REPOSITORY = join(import.meta.dirname, "..", "..");
const FOLDER = join(REPOSITORY, "deploy", "observability");
export const RUNBOOKS = join(REPOSITORY, "docs", "runbooks");

interface RuleFile {
  readonly groups: readonly { readonly rules: readonly AlertRule[] }[];
}

interface RuleTestFile {
  readonly tests: readonly {
    readonly alert_rule_test: readonly {
      readonly alertname: string;
      readonly exp_alerts: readonly object[];
    }[];
  }[];
}

export function readAlertRules(): readonly AlertRule[] {
  const file: RuleFile = parse(readFileSync(join(FOLDER, "alerts.yaml"), "utf8"));
  return file.groups.flatMap(({ rules }) => rules);
}

/** Which alerts the tests for promtool see fire, and see quiet. */
export function readRuleTests(): readonly RuleTest[] {
  const file: RuleTestFile = parse(readFileSync(join(FOLDER, "alerts.test.yaml"), "utf8"));
  return file.tests
    .flatMap(({ alert_rule_test: tests }) => tests)
    .map(({ alertname, exp_alerts: expected }) => ({ alertname, fires: expected.length > 0 }));
}

const GROUPING = /\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)/g;
const SELECTOR = /([a-zA-Z_:][\w:]*)\s*(?:\{([^}]*)\})?/g;
const MATCHER = /([a-zA-Z_]\w*)\s*(=~|!~|!=|=)\s*"([^"]*)"/g;
const WORDS = new Set(["and", "or", "unless", "offset", "bool"]);

/**
 * The series an expression names. No parser of the language, but all that our rules use of it:
 * functions are names before a bracket, labels of a grouping belong to every selector there is.
 */
export function selectorsOf(expr: string): readonly Selector[] {
  const grouped = [...expr.matchAll(GROUPING)].flatMap(([, labels = ""]) =>
    labels.split(",").map((label) => label.trim()),
  );
  const bare = expr.replaceAll(GROUPING, " ").replaceAll(/\[[^\]]*\]/g, " ");
  const selectors: Selector[] = [];
  for (const match of bare.matchAll(SELECTOR)) {
    const [whole, metric = "", matchers = ""] = match;
    const before = bare[match.index - 1] ?? " ";
    const after = bare.slice(match.index + whole.length).trimStart();
    // `14.4` and `1h` are numbers, `rate(` is a function.
    if (/[\w.]/.test(before) || WORDS.has(metric) || after.startsWith("(")) continue;
    const found = [...matchers.matchAll(MATCHER)];
    const labels = found.map(([, label = ""]) => label);
    const equal = found.filter(([, , operator]) => operator === "=");
    const values = Object.fromEntries(equal.map(([, label = "", , value = ""]) => [label, value]));
    selectors.push({ metric, labels: [...new Set([...labels, ...grouped])], values });
  }
  return selectors;
}
