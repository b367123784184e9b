const NAME_WIDTH = 10;
const LEVEL_WIDTH = 5;
/** Shown as columns, or the same on every line. */
const COLUMN_FIELDS = new Set(["time", "level", "event", "msg", "service", "pid", "hostname"]);
const LEVEL_COLOURS: Readonly<Record<string, number>> = { warn: 33, error: 31, fatal: 31 };
const DIM = 2;

export interface LogLineOptions {
  readonly colours: boolean;
}

/**
 * One line of a process's output for people: a service's JSON line as
 * `12:03:04.123 validator  info  message.handled  attempt=1`, anything else behind the name. Times are UTC.
 */
export function formatLogLine(name: string, line: string, { colours }: LogLineOptions): string {
  const paint = (code: number | undefined, part: string) =>
    colours && code !== undefined ? `\u001B[${code}m${part}\u001B[0m` : part;
  const record = parseRecord(line);
  if (record === undefined) {
    return `${paint(DIM, " ".repeat(12))} ${paint(DIM, name.padEnd(NAME_WIDTH))} ${line}`;
  }
  const level = text(record["level"]);
  const head = [
    paint(DIM, clock(record["time"])),
    paint(DIM, name.padEnd(NAME_WIDTH)),
    paint(LEVEL_COLOURS[level], level.padEnd(LEVEL_WIDTH)),
  ].join(" ");
  const event = text(record["event"] ?? record["msg"]);
  const fields = Object.entries(record)
    .filter(([key]) => !COLUMN_FIELDS.has(key))
    .map(([key, value]) => `${key}=${describe(value)}`);
  const stack = level === "error" || level === "fatal" ? stackOf(record["err"]) : "";
  return `${head} ${[event, fields.join(" ")].filter((part) => part !== "").join("  ")}${stack}`;
}

/** The level of a service's JSON line, or undefined when it is no such line. */
export function levelOf(line: string): string | undefined {
  const level = parseRecord(line)?.["level"];
  return typeof level === "string" ? level : undefined;
}

function parseRecord(line: string): Record<string, unknown> | undefined {
  if (!line.startsWith("{")) return undefined;
  try {
    const value: unknown = JSON.parse(line);
    return isRecord(value) && "level" in value ? value : undefined;
  } catch {
    return undefined;
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

function clock(time: unknown): string {
  const date = new Date(typeof time === "number" ? time : text(time));
  return Number.isNaN(date.getTime()) ? " ".repeat(12) : date.toISOString().slice(11, 23);
}

function describe(value: unknown): string {
  if (typeof value === "string") return /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value);
  if (isRecord(value) && typeof value["message"] === "string") {
    const { code, message } = value;
    return JSON.stringify(typeof code === "string" ? `${code}: ${message}` : message);
  }
  return JSON.stringify(value);
}

function stackOf(error: unknown): string {
  if (!isRecord(error) || typeof error["stack"] !== "string") return "";
  const frames = error["stack"].split("\n").filter((line) => line.startsWith("    at "));
  return frames.map((frame) => `\n${frame}`).join("");
}

function text(value: unknown): string {
  if (typeof value === "string") return value;
  return value === undefined ? "" : JSON.stringify(value);
}
