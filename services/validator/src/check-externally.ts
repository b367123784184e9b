import { type Finding, withFinding } from "@valify/lead-file";
import type { Logger } from "@valify/runtime";

import type { Batch } from "./domain/batch.ts";
import type { Draft } from "./domain/chunk-judge.ts";
import type { ExternalProvider, ExternalReply } from "./external-provider.ts";

export type ExternalCheck =
  | { readonly kind: "checked"; readonly drafts: readonly Draft[] }
  /** The profile rather waits than goes on without an answer. */
  | { readonly kind: "held" };

export interface CheckExternallyDeps {
  /** Undefined: this installation has none. */
  readonly external: ExternalProvider | undefined;
  readonly log: Logger;
}

const LEADS_PER_REQUEST_MAX = 100;
/** Requests of one batch at the same time. */
const REQUESTS_MAX = 4;

/**
 * Asks the provider about the leads of a chunk that are valid so far: nothing of the others has to
 * leave. What happens without an answer is the profile's to say.
 */
export async function checkExternally(
  { external, log }: CheckExternallyDeps,
  { batchId, ruleProfile }: Pick<Batch, "batchId" | "ruleProfile">,
  drafts: readonly Draft[],
): Promise<ExternalCheck> {
  const policy = ruleProfile.externalCheck;
  const asked = drafts.filter(({ verdict }) => verdict.status === "valid");
  if (policy === "off" || asked.length === 0) return { kind: "checked", drafts };
  const groups = groupsOf(asked);
  const replies: ExternalReply[] = [];
  // A few requests at a time, in order: the first that fails under `hold` ends it.
  for (let from = 0; from < groups.length; from += REQUESTS_MAX) {
    const wave = groups.slice(from, from + REQUESTS_MAX);
    const heard = await Promise.all(wave.map((group) => ask(external, batchId, group)));
    replies.push(...heard);
    const failed = heard.find((reply) => reply.kind === "unavailable");
    if (failed === undefined) continue;
    log.warn({ batchId, reason: failed.reason, policy }, "external_check.unavailable");
    if (policy === "hold") return { kind: "held" };
  }
  const severity = policy === "invalid" ? "error" : "warning";
  const findings = new Map(groups.flatMap((group, index) => said(group, replies[index], severity)));
  return { kind: "checked", drafts: drafts.map((draft) => withFindings(draft, findings)) };
}

function groupsOf(drafts: readonly Draft[]): readonly (readonly Draft[])[] {
  const count = Math.ceil(drafts.length / LEADS_PER_REQUEST_MAX);
  return Array.from({ length: count }, (_, index) =>
    drafts.slice(index * LEADS_PER_REQUEST_MAX, (index + 1) * LEADS_PER_REQUEST_MAX),
  );
}

async function ask(
  external: ExternalProvider | undefined,
  batchId: string,
  group: readonly Draft[],
): Promise<ExternalReply> {
  if (external === undefined) return { kind: "unavailable", reason: "not_configured" };
  const leads = group.map(({ row, verdict }) => ({
    row: row.rowNumber,
    first_name: verdict.firstName,
    last_name: verdict.lastName,
    dob: verdict.dob,
  }));
  return external.ask({ batchId, leads });
}

/** What was said of each row of a group; without an answer, that there was none. */
function said(
  group: readonly Draft[],
  reply: ExternalReply | undefined,
  severity: Finding["severity"],
): (readonly [number, readonly Finding[]])[] {
  if (reply?.kind === "answered") return [...reply.findings];
  const message = "External check could not be made";
  const finding: Finding = { code: "EXT_UNAVAILABLE", field: "row", severity, message };
  return group.map(({ row }) => [row.rowNumber, [finding]] as const);
}

function withFindings(draft: Draft, findings: ReadonlyMap<number, readonly Finding[]>): Draft {
  const found = findings.get(draft.row.rowNumber) ?? [];
  if (found.length === 0) return draft;
  const verdict = found.reduce((sum, finding) => withFinding(sum, finding), draft.verdict);
  return { ...draft, verdict };
}
