import { z } from "zod";

import { Instant } from "./ids.ts";

const RuleLevel = z.enum(["off", "info", "warning", "error"]);
/** Codes are known to lead-file alone: a reader older than a rule must not choke on its name. */
const RuleCode = z.string().regex(/^[A-Z][A-Z0-9_]{0,63}$/);
const LEVELS_MAX = 100;

const profileFields = {
  /** By code; a rule that is not named keeps its default. */
  levels: z
    .record(RuleCode, RuleLevel)
    .refine((levels) => Object.keys(levels).length <= LEVELS_MAX, "too many levels")
    .default({}),
  /** Completed years; 0 switches the rule off. */
  min_age: z.int().min(0).max(100).default(18),
  max_age: z.int().min(50).max(150).default(120),
  allow_mononym: z.boolean().default(false),
  name_length_max: z.int().min(1).max(200).default(200),
  /** How long a lead of an earlier batch counts as the same. */
  duplicate_window_days: z.int().min(1).max(90).default(90),
  /**
   * Whether leads are also shown to the installation's external validator, and what becomes of them
   * where it does not answer: a warning, waiting, or refusal. Off unless asked for: it is given
   * personal data.
   */
  external_check: z.enum(["off", "warn", "hold", "invalid"]).default("off"),
};

/** A tenant's choices among the rules, as events and tables carry them. Fields are only added. */
export const RuleProfile = z.object(profileFields);
export type RuleProfile = z.infer<typeof RuleProfile>;

/** `PUT /rule_profile`: the whole profile; what is left out is the default. */
export const RuleProfileInput = z.strictObject(profileFields);

/** `GET /rule_profile`. Version 0: the tenant has never set one. */
export const RuleProfileView = z.object({
  version: z.int().min(0),
  /** The same for two profiles that judge alike. */
  ruleset_version: z.string(),
  profile: RuleProfile,
  created_at: Instant.nullable(),
});
export type RuleProfileView = z.infer<typeof RuleProfileView>;

/** `GET /rule_profile/history`: newest first; `next_cursor` is null on the last page. */
export const RuleProfilePage = z.object({
  profiles: z.array(RuleProfileView),
  next_cursor: z.string().nullable(),
});
