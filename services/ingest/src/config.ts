import { commonSettings, ConfigError, parseConfig, setting } from "@valify/runtime";
import { z } from "zod";

import { isWebhookSecret } from "./domain/webhook-secret.ts";
import type { OidcSettings } from "./oidc-provider.ts";

const DAY_MS = 86_400_000;
const MEBIBYTE = 1024 * 1024;
/** Each upload at work is held in memory, several times over while it is read. */
const FILE_BYTES_MAX = 64 * MEBIBYTE;

const PASSWORD_LENGTH_MIN = 12;

const ORIGIN = /^https?:\/\/[^/?#\s]+$/;
const ADDRESS_RANGE = z.union(
  [z.ipv4(), z.ipv6(), z.cidrv4(), z.cidrv6()],
  "must list addresses or ranges such as 10.0.0.0/8",
);

const webhookSecret = z
  .string()
  .refine(isWebhookSecret, "must be whsec_ and the base64 of 24 to 64 bytes");

const settings = {
  ...commonSettings,
  PORT: setting.port.default(8080),
  OBJECT_STORE_URL: setting.text.optional(),
  S3_BUCKET: setting.text.optional(),
  SECRET_KEY: setting.secretKey,
  WEBHOOK_URL: setting.url(/^https?$/).optional(),
  WEBHOOK_SECRET: webhookSecret.optional(),
  WEBHOOK_ALLOW_HTTP: setting.flag.default(false),
  WEBHOOK_ALLOWED_CIDRS: setting.list.prefault(""),
  /** Milliseconds from a lead's validation to its webhook. */
  WEBHOOK_DELAY: setting.durationMs.default(DAY_MS),
  /** How long an uploaded file is kept. */
  UPLOAD_RETENTION: setting.durationMs.default(7 * DAY_MS),
  MAX_LEADS_PER_FILE: z.coerce.number().int().min(1).default(10_000),
  MAX_FILE_BYTES: z.coerce
    .number()
    .int()
    .min(1)
    .max(FILE_BYTES_MAX)
    .default(5 * MEBIBYTE),
  /** A batch that nobody has begun after this long is announced again. */
  STUCK_AFTER: setting.durationMs.default(3_600_000),
  /** Absent: no mail is sent. */
  SMTP_URL: setting.url(/^smtps?$/).optional(),
  MAIL_FROM: z.email("must be an e-mail address").default("valify@localhost.localdomain"),
  NOTIFY_EMAILS: setting.list.pipe(z.array(z.email("must list e-mail addresses"))).default([]),
  OPERATIONS_WEBHOOK_URL: setting.url(/^https?$/).optional(),
  OPERATIONS_WEBHOOK_SECRET: webhookSecret.optional(),
  CORS_ORIGINS: setting.list
    .pipe(z.array(z.string().regex(ORIGIN, "must list origins such as https://app.example.com")))
    .default([]),
  /** In place of the container's limit, or the machine's memory. */
  MEMORY_LIMIT_BYTES: setting.count.min(1, "must be at least 1").optional(),
  REQUESTS_PER_MINUTE: setting.count.default(6_000),
  TRUSTED_PROXIES: setting.list.pipe(z.array(ADDRESS_RANGE)).default([]),
  /** Where people may sign in besides; all four or none. */
  OIDC_ISSUER: setting.url(/^https?$/).optional(),
  OIDC_CLIENT_ID: setting.text.optional(),
  OIDC_CLIENT_SECRET: setting.text.optional(),
  OIDC_REDIRECT_URL: setting.url(/^https?$/).optional(),
  /** The first person, made at the first start. */
  ADMIN_EMAIL: z.email("must be an e-mail address").optional(),
  ADMIN_PASSWORD: z
    .string()
    .min(PASSWORD_LENGTH_MIN, `must have ${PASSWORD_LENGTH_MIN} characters or more`)
    .optional(),
  /** Travels in a header, so it has to be visible ASCII. */
  BOOTSTRAP_API_KEY: z
    .string()
    .regex(/^[\x21-\x7e]+$/, "must be visible ASCII without spaces")
    .optional(),
};

/** Throws ConfigError with one line that names every bad variable. */
export function readConfig(env: Readonly<Record<string, string | undefined>>) {
  const parsed = parseConfig(settings, env);
  const config = { ...parsed, operationsWebhook: operationsWebhookOf(parsed) };
  if ((config.ADMIN_EMAIL === undefined) !== (config.ADMIN_PASSWORD === undefined)) {
    throw new ConfigError("ADMIN_EMAIL and ADMIN_PASSWORD need each other: one is missing");
  }
  const oidc = oidcOf(config);
  const { WEBHOOK_URL: url, WEBHOOK_SECRET: secret, WEBHOOK_ALLOW_HTTP: isHttpAllowed } = config;
  if (url === undefined) return { ...config, oidc, defaultEndpoint: null };
  if (secret === undefined)
    throw new ConfigError("WEBHOOK_SECRET is missing: WEBHOOK_URL needs it");
  if (!isHttpAllowed && new URL(url).protocol !== "https:") {
    throw new ConfigError("WEBHOOK_URL must begin with https:// unless WEBHOOK_ALLOW_HTTP is true");
  }
  return { ...config, oidc, defaultEndpoint: { url, secret } };
}

const OIDC_NAMES = [
  "OIDC_ISSUER",
  "OIDC_CLIENT_ID",
  "OIDC_CLIENT_SECRET",
  "OIDC_REDIRECT_URL",
] as const;
const LOOPBACK = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/;

/** Undefined: nobody signs in through a provider. */
function oidcOf(
  config: Readonly<Partial<Record<(typeof OIDC_NAMES)[number], string | undefined>>>,
): OidcSettings | undefined {
  const {
    OIDC_ISSUER: issuer,
    OIDC_CLIENT_ID: clientId,
    OIDC_CLIENT_SECRET: clientSecret,
    OIDC_REDIRECT_URL: redirectUrl,
  } = config;
  if (OIDC_NAMES.every((name) => config[name] === undefined)) return undefined;
  if (!issuer || !clientId || !clientSecret || !redirectUrl) {
    const missing = OIDC_NAMES.filter((name) => config[name] === undefined);
    throw new ConfigError(`${missing.join(" and ")} missing: the OIDC settings need each other`);
  }
  const { protocol, hostname } = new URL(issuer);
  if (protocol !== "https:" && !LOOPBACK.test(hostname)) {
    throw new ConfigError("OIDC_ISSUER must begin with https:// unless it is on this machine");
  }
  return { issuer, clientId, clientSecret, redirectUrl };
}

function operationsWebhookOf(config: {
  readonly OPERATIONS_WEBHOOK_URL?: string | undefined;
  readonly OPERATIONS_WEBHOOK_SECRET?: string | undefined;
}) {
  const { OPERATIONS_WEBHOOK_URL: url, OPERATIONS_WEBHOOK_SECRET: secret } = config;
  if (url === undefined) return null;
  if (secret !== undefined) return { url, secret };
  throw new ConfigError("OPERATIONS_WEBHOOK_SECRET is missing: OPERATIONS_WEBHOOK_URL needs it");
}

/** What the address guard is told, the same as in the dispatcher. */
export function egressOf(config: ReturnType<typeof readConfig>) {
  return { allowedCidrs: config.WEBHOOK_ALLOWED_CIDRS, allowHttp: config.WEBHOOK_ALLOW_HTTP };
}
