import { isRuleCode, type RuleCode, ruleCatalogue } from "./catalogue.ts";
import type { RuleLevel } from "./rule.ts";

/** A tenant's choices; snapshotted on the batch, so that a lead is judged by one profile for ever. */
export interface RuleProfile {
  /** By code; a rule that is not named keeps its default. */
  readonly levels: Readonly<Partial<Record<string, RuleLevel>>>;
  /** Completed years on the day of validation; 0 switches the rule off. */
  readonly minAge: number;
  readonly maxAge: number;
  /** Whether one name is enough: a missing last name is then a warning. */
  readonly allowMononym: boolean;
  /** Code points, at most 200. */
  readonly nameLengthMax: number;
  /** How long a lead of an earlier batch counts as the same. */
  readonly duplicateWindowDays: number;
  /** Without an answer of the external validator: a warning, waiting, or refusal. */
  readonly externalCheck: "off" | "warn" | "hold" | "invalid";
}

export const defaultRuleProfile: RuleProfile = {
  levels: {},
  minAge: 18,
  maxAge: 120,
  allowMononym: false,
  nameLengthMax: 200,
  duplicateWindowDays: 90,
  externalCheck: "off",
};

/** A profile as the wire and the tables write it. */
export interface RuleProfileFields {
  readonly levels: RuleProfile["levels"];
  readonly min_age: number;
  readonly max_age: number;
  readonly allow_mononym: boolean;
  readonly name_length_max: number;
  readonly duplicate_window_days: number;
  readonly external_check: RuleProfile["externalCheck"];
}

export function ruleProfileOf(fields: RuleProfileFields): RuleProfile {
  return {
    levels: fields.levels,
    minAge: fields.min_age,
    maxAge: fields.max_age,
    allowMononym: fields.allow_mononym,
    nameLengthMax: fields.name_length_max,
    duplicateWindowDays: fields.duplicate_window_days,
    externalCheck: fields.external_check,
  };
}

/** Codes of a profile that name no rule, or one that no profile may change. */
export function unknownCodesOf({ levels }: Pick<RuleProfile, "levels">): string[] {
  return Object.keys(levels).filter((code) => !isRuleCode(code) || ruleCatalogue[code].isFixed);
}

/** How bad a finding of this rule is under this profile. */
export function levelUnder(profile: RuleProfile, code: RuleCode): RuleLevel {
  const { severity, isOn, isFixed } = ruleCatalogue[code];
  const chosen = isFixed ? undefined : profile.levels[code];
  if (chosen !== undefined) return chosen;
  if (code === "LAST_NAME_MISSING" && profile.allowMononym) return "warning";
  return isOn ? severity : "off";
}

/**
 * Everything a verdict depends on but the lead and the day, as one text: two profiles that judge
 * alike have the same, whatever their order or their defaults spelt out. Its hash is the version.
 */
export function rulesetText(profile: RuleProfile): string {
  const codes = Object.keys(ruleCatalogue).filter(isRuleCode);
  const rules = codes.map(
    (code) => `${code} v${ruleCatalogue[code].version} ${levelUnder(profile, code)}`,
  );
  const { minAge, maxAge, nameLengthMax, duplicateWindowDays, externalCheck } = profile;
  return [
    ...rules,
    `age ${minAge} ${maxAge}`,
    `length ${nameLengthMax}`,
    `window ${duplicateWindowDays}`,
    `external ${externalCheck}`,
  ].join("\n");
}
