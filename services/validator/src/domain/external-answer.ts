import type { Finding } from "@valify/lead-file";
import { z } from "zod";

const FINDINGS_MAX = 10;
const CODE_LENGTH_MAX = 40;
const MESSAGE_LENGTH_MAX = 200;
const CONTROLS = /\p{Cc}/gu;

/** Unknown fields are ignored, so that a provider may say more than we read. */
const Answer = z.object({
  results: z.array(
    z.object({
      row: z.int(),
      status: z.enum(["valid", "invalid", "unknown"]),
      findings: z
        .array(
          z.object({
            code: z.string().min(1),
            field: z.string().optional(),
            severity: z.enum(["error", "warning", "info"]).optional(),
            message: z.string().optional(),
          }),
        )
        .default([]),
    }),
  ),
});
type Result = z.infer<typeof Answer>["results"][number];
type Remark = Result["findings"][number];

/**
 * What a provider says of each row it was asked about; undefined where its words are none we know.
 * Rows nobody asked about are ignored; a row it does not speak of is unknown, which is not invalid.
 */
export function readExternalAnswer(
  answer: unknown,
  askedRows: readonly number[],
  provider: string,
): ReadonlyMap<number, readonly Finding[]> | undefined {
  const parsed = Answer.safeParse(answer);
  if (!parsed.success) return undefined;
  const resultOf = new Map(parsed.data.results.map((result) => [result.row, result]));
  return new Map(askedRows.map((row) => [row, findingsOf(resultOf.get(row), provider)]));
}

function findingsOf(result: Result | undefined, provider: string): readonly Finding[] {
  if (result === undefined || result.status === "unknown") {
    return [ownFinding(provider, "UNKNOWN", "info", "The external check could not tell")];
  }
  const isInvalid = result.status === "invalid";
  const findings = result.findings
    .slice(0, FINDINGS_MAX)
    .map((remark) => findingOf(remark, provider, isInvalid));
  // Whoever calls a lead invalid has to say so in an error, or nobody would see why.
  const saysWhy = !isInvalid || findings.some(({ severity }) => severity === "error");
  if (saysWhy) return findings;
  const message = "The external check says that this is no valid lead";
  return [ownFinding(provider, "INVALID", "error", message), ...findings];
}

/** Of a lead that is valid by its own word, a provider's error is a warning. */
function findingOf(remark: Remark, provider: string, isInvalid: boolean): Finding {
  const { code, field, severity = "warning", message = code } = remark;
  return {
    code: codeOf(code, provider),
    field: field === "first_name" || field === "last_name" || field === "dob" ? field : "row",
    severity: severity === "error" && !isInvalid ? "warning" : severity,
    message: message.replaceAll(CONTROLS, " ").toWellFormed().slice(0, MESSAGE_LENGTH_MAX),
  };
}

/** A provider's codes live under its own name and can never be taken for one of ours. */
function codeOf(code: string, provider: string): string {
  const own = code.toUpperCase().replaceAll(/[^A-Z0-9]+/g, "_");
  const prefix = `EXT_${provider}_`;
  const rest = own.startsWith(prefix) ? own.slice(prefix.length) : own;
  return prefix + rest.slice(0, CODE_LENGTH_MAX);
}

function ownFinding(
  provider: string,
  code: string,
  severity: Finding["severity"],
  message: string,
): Finding {
  return { code: `EXT_${provider}_${code}`, field: "row", severity, message };
}
