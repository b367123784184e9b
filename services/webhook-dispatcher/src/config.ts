import { commonSettings, parseConfig, setting } from "@valify/runtime";

import { parseProxyUrl } from "./domain/proxy-address.ts";

const DAY_MS = 86_400_000;
const RATE_PER_SECOND = 100;
const CONCURRENCY = 16;
const RETRIES_MAX = 10;
const NO_PROXY_URL = "must be a URL such as http://user:password@proxy.internal:3128";

export const readConfig = (env: Readonly<Record<string, string | undefined>>) =>
  parseConfig(
    {
      ...commonSettings,
      PORT: setting.port.default(8083),
      SECRET_KEY: setting.secretKey,
      /** One per retry, unless the endpoint has its own. */
      WEBHOOK_RETRY_DELAYS: setting.durationsMs
        .refine((delays) => delays.length <= RETRIES_MAX, `must list at most ${RETRIES_MAX} delays`)
        .prefault("PT1M,PT5M,PT25M"),
      /** Per endpoint; 0 = no limit. */
      WEBHOOK_RATE_PER_SECOND: setting.count.default(RATE_PER_SECOND),
      /** Per endpoint and process, for endpoints that set none; their own holds for all processes. */
      WEBHOOK_CONCURRENCY: setting.count.min(1).default(CONCURRENCY),
      /** How long attempts are kept. */
      ATTEMPT_RETENTION: setting.durationMs.default(30 * DAY_MS),
      WEBHOOK_ALLOW_HTTP: setting.flag.default(false),
      WEBHOOK_ALLOWED_CIDRS: setting.list.prefault(""),
      /** Holds a password: what is kept of it has a name that no log shows. */
      WEBHOOK_PROXY_URL: setting.text
        .transform((text, context) => {
          const proxy = parseProxyUrl(text);
          if (proxy !== undefined) return proxy;
          context.issues.push({ code: "custom", input: undefined, message: NO_PROXY_URL });
          return null;
        })
        .optional(),
    },
    env,
  );
