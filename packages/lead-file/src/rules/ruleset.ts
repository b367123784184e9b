import { isRuleCode, type RuleCode, ruleCatalogue } from "./catalogue.ts";
import { junkRules } from "./junk.ts";
import { nameRules, type NameRule, type RuleReach } from "./names.ts";
import { optionalNameRules } from "./optional.ts";
import { levelUnder, type RuleProfile } from "./profile.ts";
import type { RuleLevel } from "./rule.ts";

/** A profile made ready for thousands of rows: what is off is not even run. */
export interface Ruleset {
  readonly profile: RuleProfile;
  readonly levelOf: (code: RuleCode) => RuleLevel;
  /** By the kind of a name: the rules that a name of this kind can break. */
  readonly nameRules: Readonly<Record<RuleReach, readonly NameRule[]>>;
}

export function compileRuleset(profile: RuleProfile): Ruleset {
  const codes = Object.keys(ruleCatalogue).filter(isRuleCode);
  const levels = new Map(codes.map((code) => [code, levelUnder(profile, code)]));
  const levelOf = (code: RuleCode) => levels.get(code) ?? "off";
  const active = [...nameRules, ...junkRules, ...optionalNameRules].filter(
    ({ code }) => levelOf(code) !== "off",
  );
  return {
    profile,
    levelOf,
    nameRules: {
      plain: active.filter(({ reach }) => reach === "plain"),
      words: active.filter(({ reach }) => reach !== "other"),
      other: active,
    },
  };
}
