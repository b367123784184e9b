import { commonSettings, ConfigError, parseConfig, setting } from "@valify/runtime";
import { z } from "zod";

const DAY_MS = 86_400_000;
const MIB = 1_048_576;

const settings = {
  ...commonSettings,
  PORT: setting.port.default(8081),
  /** Leads are known by hashes under it, those who asked to be erased among them. */
  SECRET_KEY: setting.secretKey,
  OBJECT_STORE_URL: setting.text.optional(),
  S3_BUCKET: setting.text.optional(),
  MAX_LEADS_PER_FILE: setting.count.default(10_000),
  MAX_FILE_BYTES: setting.count.default(5 * MIB),
  /** How long leads and results are kept, from the batch's last webhook on. */
  LEAD_RETENTION: setting.durationMs.default(30 * DAY_MS),
  /** A batch that has not moved for this long is begun again, then failed. */
  STUCK_AFTER: setting.durationMs.default(3_600_000),
  /** Batches at work at the same time; each holds one whole file in memory. */
  VALIDATOR_CONCURRENCY: setting.count.min(1, "must be at least 1").default(2),
  /** The one provider that profiles may ask for; none without an address. */
  EXTERNAL_VALIDATOR_URL: setting.url(/^https?$/).optional(),
  /** Stands in its codes: EXT_<name>_… */
  EXTERNAL_VALIDATOR_NAME: z
    .string()
    .regex(/^[A-Z][A-Z0-9]{0,19}$/, "must be 1 to 20 capital letters and digits")
    .default("PROVIDER"),
  EXTERNAL_VALIDATOR_SECRET: z
    .string()
    .regex(/^whsec_[A-Za-z0-9+/]{32,88}={0,2}$/, "must be whsec_ and the base64 of 24 to 64 bytes")
    .optional(),
  WEBHOOK_ALLOW_HTTP: setting.flag.default(false),
  WEBHOOK_ALLOWED_CIDRS: setting.list.prefault(""),
};

/** Throws ConfigError with one line that names every bad variable. */
export function readConfig(env: Readonly<Record<string, string | undefined>>) {
  const config = parseConfig(settings, env);
  const { EXTERNAL_VALIDATOR_URL: url, EXTERNAL_VALIDATOR_SECRET: secret } = config;
  if (url === undefined) return { ...config, external: null };
  if (secret === undefined) {
    throw new ConfigError("EXTERNAL_VALIDATOR_SECRET is missing: EXTERNAL_VALIDATOR_URL needs it");
  }
  const name = config.EXTERNAL_VALIDATOR_NAME;
  return { ...config, external: { url: new URL(url), name, secret } };
}
