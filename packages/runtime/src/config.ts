import { z } from "zod";

const DURATION = /^P(?:(\d+)D)?(?:T(?=\d)(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d{1,3})?)S)?)?$/;
const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;

/** Milliseconds of an ISO 8601 duration of days to seconds (`PT24H`, `P1DT30M`), or undefined. */
export function parseDurationMs(text: string): number | undefined {
  const parts = DURATION.exec(text);
  // `P` alone has no part at all.
  if (parts === null || text === "P") return undefined;
  const [days, hours, minutes, seconds] = parts.slice(1).map((part) => Number(part ?? 0));
  return (
    (days ?? 0) * DAY_MS +
    (hours ?? 0) * HOUR_MS +
    (minutes ?? 0) * MINUTE_MS +
    Math.round((seconds ?? 0) * 1000)
  );
}

const durationMs = z.string().transform((text, context) => {
  const value = parseDurationMs(text);
  if (value !== undefined) return value;
  context.issues.push({
    code: "custom",
    input: text,
    message: "must be an ISO 8601 duration such as PT24H",
  });
  return z.NEVER;
});

/** Building blocks for the settings of a service. Each takes the text of one variable. */
export const setting = {
  text: z.string().min(1, "must not be empty"),
  url: (protocols: RegExp) =>
    z.url({ protocol: protocols, error: `must be a URL (${protocols.source})` }),
  port: z.coerce.number().int().min(0).max(65_535),
  count: z.coerce.number().int().nonnegative(),
  flag: z
    .enum(["true", "false", "1", "0"], "must be true or false")
    .transform((text) => text === "true" || text === "1"),
  /** Milliseconds. */
  durationMs,
  /** A comma-separated list of durations, in milliseconds. */
  durationsMs: z
    .string()
    .transform((text) => text.split(",").map((part) => part.trim()))
    .pipe(z.array(durationMs).min(1)),
  /** A comma-separated list, blanks dropped. */
  list: z.string().transform((text) =>
    text
      .split(",")
      .map((part) => part.trim())
      .filter((part) => part !== ""),
  ),
  /** At least 32 bytes, as base64, hexadecimal or plain text. */
  secretKey: z.string().min(32, "must hold at least 32 bytes"),
};

/** The variables every service reads. */
export const commonSettings = {
  DATABASE_URL: setting.url(/^postgres(ql)?$/),
  NATS_URL: setting.url(/^(nats|tls|ws|wss)$/),
  HOST: setting.text.default("127.0.0.1"),
  LOG_LEVEL: z.enum(["trace", "debug", "info", "warn", "error"]).default("info"),
};

/** A setting is missing or bad. The message names each variable and never shows a value. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
}

/**
 * Reads settings from the environment. An empty variable counts as missing, as in a compose file.
 * Throws {@link ConfigError} with one line that names every bad variable.
 */
export function parseConfig<Shape extends z.ZodRawShape>(
  shape: Shape,
  env: Readonly<Record<string, string | undefined>>,
): z.infer<z.ZodObject<Shape>> {
  const given = Object.fromEntries(
    Object.keys(shape).flatMap((name) => {
      const value = env[name];
      return value === undefined || value === "" ? [] : [[name, value]];
    }),
  );
  const result = z.object(shape).safeParse(given);
  if (result.success) return result.data;
  const complaints = result.error.issues.map((issue) => {
    const name = String(issue.path[0]);
    return `${name} ${name in given ? issue.message : "is missing"}`;
  });
  throw new ConfigError(complaints.join("; "));
}
