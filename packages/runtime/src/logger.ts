import { type DestinationStream, type Logger, pino } from "pino";

import { createLineLimit } from "./line-limit.ts";
import { traceIdOfField } from "./trace-context.ts";

export type { Logger } from "pino";

/** What must never reach a log, wherever it sits in the logged object. */
const SECRET_FIELDS: ReadonlySet<string> = new Set([
  "first_name",
  "last_name",
  "firstName",
  "lastName",
  "dob",
  "leadId",
  "lead_id",
  "secret",
  "password",
  "authorization",
  "cookie",
  "apiKey",
]);
const WARN = 40;
const WARNING_EVERY_MS = 1_000;
/** A log line is flat; what is nested deeper than this is a mistake and is left out. */
const DEPTH_MAX = 5;

/**
 * JSON lines on standard output. `err` is cut down to type, code, message and stack: a Postgres
 * error also carries `detail`, which quotes the row, a person's name included.
 * A warning with an error comes once a second for each cause, since a database that is away is told
 * of by every message, delivery and loop that needs it; `left_out` says how many were like it.
 */
export function createLogger(
  service: string,
  level: string,
  destination: DestinationStream = pino.destination(1),
  now: () => number = () => performance.now(),
): Logger {
  const pass = createLineLimit(WARNING_EVERY_MS, now);
  return pino(
    {
      level,
      base: { service },
      timestamp: pino.stdTimeFunctions.isoTime,
      messageKey: "event",
      formatters: {
        level: (label) => ({ level: label }),
        // pino's own `redact` costs 140 µs a line with two levels of these fields; this costs two.
        log: (fields) => withTrace(withoutSecrets(fields, 1)),
      },
      serializers: { err: describeError },
      hooks: {
        logMethod(args, method, levelNumber) {
          const [fields, event]: readonly unknown[] = args;
          if (levelNumber === WARN && isWithError(fields)) {
            const leftOut = pass(`${String(event)} ${causeOf(fields.err)}`);
            if (leftOut === null) return;
            if (leftOut > 0) Reflect.set(args, 0, { ...fields, left_out: leftOut });
          }
          // Without an event of ours, pino would take the error's message, value and all.
          if (args.length === 1 && typeof args[0] !== "string") args[1] = "unnamed";
          Reflect.apply(method, this, args);
        },
      },
    },
    destination,
  );
}

function isWithError(fields: unknown): fields is { readonly err: unknown } {
  return typeof fields === "object" && fields !== null && "err" in fields;
}

function causeOf(error: unknown): string {
  if (!(error instanceof Error)) return typeof error;
  return "code" in error && typeof error.code === "string" ? error.code : error.name;
}

/** Whoever names a batch names its trace: one search finds the upload and the last attempt. */
function withTrace(fields: Record<string, unknown>): Record<string, unknown> {
  const traceId = traceIdOfField(fields["batchId"]);
  return traceId === undefined ? fields : { ...fields, trace_id: traceId };
}

function withoutSecrets(fields: object, depth: number): Record<string, unknown> {
  const kept = Object.entries(fields).map(([name, value]) => {
    if (SECRET_FIELDS.has(name)) return [name, "[redacted]"];
    // The top one is the serializer's.
    return [name, name === "err" && depth === 1 ? value : clean(value, depth + 1)];
  });
  return Object.fromEntries(kept);
}

function clean(value: unknown, depth: number): unknown {
  if (typeof value !== "object" || value === null || value instanceof Date) return value;
  if (value instanceof Error) return describeError(value);
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  if (depth > DEPTH_MAX) return "[too deep]";
  if (Array.isArray(value)) return value.map((item) => clean(item, depth + 1));
  return withoutSecrets(value, depth);
}

/** Only what cannot hold a customer's data: an error's own words, not the row it speaks of. */
function describeError(error: unknown): object {
  if (!(error instanceof Error)) return { type: typeof error };
  const code: unknown = "code" in error ? error.code : undefined;
  // Postgres puts the offending value of a failed cast into the message (class 22, data exception).
  const quotesData = typeof code === "string" && code.startsWith("22");
  return {
    type: error.name,
    ...(typeof code === "string" ? { code } : {}),
    message: quotesData ? "data exception" : error.message,
    ...(quotesData ? {} : { stack: error.stack }),
  };
}
