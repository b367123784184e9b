import { commonSettings, parseConfig, setting } from "@valify/runtime";

const DAY_MS = 86_400_000;
const MIB = 1_048_576;

export const readConfig = (env: Readonly<Record<string, string | undefined>>) =>
  parseConfig(
    {
      ...commonSettings,
      PORT: setting.port.default(8081),
      OBJECT_STORE_URL: setting.text.optional(),
      S3_BUCKET: setting.text.optional(),
      MAX_LEADS_PER_FILE: setting.count.default(10_000),
      MAX_FILE_BYTES: setting.count.default(5 * MIB),
      /** How long leads and results are kept, from the batch's last webhook on. */
      LEAD_RETENTION: setting.durationMs.default(30 * DAY_MS),
      /** Batches at work at the same time; each holds one whole file in memory. */
      VALIDATOR_CONCURRENCY: setting.count.min(1, "must be at least 1").default(2),
    },
    env,
  );
