import {
  compileRuleset,
  createDuplicateFinder,
  defaultRuleProfile,
  judgeRow,
  readLeadFile,
} from "@valify/lead-file";

import { leadCsv } from "../support/lead-csv.ts";
import { percentile, print } from "./report.ts";

const LEADS = 10_000;
const REPEATS = 20;
const AS_OF = { year: 2026, month: 3, day: 15 };
const BAR = "<= 120";

/** Names with accents, other scripts and punctuation: what the plain ones skip is run for them. */
const MIXED_NAMES = [
  "José",
  "O’Brien",
  "Łukasz",
  "王小明",
  "Anne-Marie",
  "St. John",
  "García Márquez",
  "Наталья",
];

/** CPU of decoding, parsing and judging one file, in this process and nothing beside it. */
export async function measureLeadFile(): Promise<void> {
  const files = { plain: leadCsv({ valid: LEADS }), mixed: mixedCsv() };
  for (const [kind, csv] of Object.entries(files)) {
    const bytes = Buffer.from(csv);
    // The first run meets cold code: what a validator pays once after its start.
    const times = Array.from({ length: REPEATS }, () => cpuMsOf(() => readAndJudge(bytes)));
    const [first = Number.NaN, ...warm] = times;
    print({ name: `lead_file.${kind}_10000.cpu.first`, value: first, unit: "ms", bar: BAR });
    const median = percentile(warm, 0.5);
    print({ name: `lead_file.${kind}_10000.cpu.median`, value: median, unit: "ms", bar: BAR });
  }
}

function readAndJudge(bytes: Uint8Array): void {
  const reading = readLeadFile(bytes, { maxRows: LEADS });
  if (reading.kind === "refused") throw new Error(reading.problem.code);
  const { rows, dialect } = reading.file;
  const ruleset = compileRuleset(defaultRuleProfile);
  const duplicates = createDuplicateFinder(ruleset);
  let validCount = 0;
  for (const row of rows) {
    const verdict = judgeRow(row, dialect, { asOf: AS_OF, ruleset });
    const duplicate = duplicates.check(row.rowNumber, verdict.leadId, verdict.dobDate);
    if (verdict.status === "valid" && duplicate === null) validCount += 1;
  }
  if (validCount !== LEADS) throw new Error(`${validCount} leads are valid`);
}

function cpuMsOf(work: () => void): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000;
}

function mixedCsv(): string {
  const lines = Array.from({ length: LEADS }, (_, index) => {
    const first = MIXED_NAMES[index % MIXED_NAMES.length];
    const last = MIXED_NAMES[Math.floor(index / 8) % MIXED_NAMES.length];
    const day = String(1 + (index % 28)).padStart(2, "0");
    const month = String(1 + (Math.floor(index / 28) % 12)).padStart(2, "0");
    return `${first},${last},${day}/${month}/${1_940 + (Math.floor(index / 64) % 60)}`;
  });
  return `first_name,last_name,dob\n${lines.join("\n")}\n`;
}
