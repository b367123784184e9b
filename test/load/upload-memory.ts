import { leadLine } from "../support/lead-csv.ts";
import { type Stack, startStack } from "../support/stack.ts";
import { printPeakMemory } from "./memory.ts";
import { print } from "./report.ts";

const FILES_AT_ONCE = 20;
const FILE_BYTES = 5 * 1_024 * 1_024;
const LEADS = 10_000;
/** One letter that no single byte holds: the whole text then takes two bytes a character. */
const WIDE_LETTER = "ł";
const ROUNDS = 3;

/** Twenty files of the full size at the same time: the most memory ingest has ever held. */
export async function measureUploadMemory(): Promise<void> {
  await using stack = await startStack({ webhookDelay: "PT24H", ownPostgres: "durable" });
  printPeakMemory(stack, "upload_memory.idle");
  for (let round = 0; round < ROUNDS; round += 1) {
    const statuses = await uploadAll(stack, round);
    const refused = statuses.filter((status) => status !== 202).length;
    const name = `upload_memory.round_${round + 1}`;
    print({ name: `${name}.refused`, value: refused, unit: "files", bar: "0" });
    printPeakMemory(stack, name);
  }
}

async function uploadAll(stack: Stack, round: number): Promise<readonly number[]> {
  return Promise.all(
    Array.from({ length: FILES_AT_ONCE }, async (_, index) => {
      const file = fullFile(round * FILES_AT_ONCE + index);
      // On a busy machine a client may give up; that is told, and the memory is what it is.
      return stack.api.post(file).then(
        async (response) => (await response.arrayBuffer()) && response.status,
        () => 0,
      );
    }),
  );
}

/** As many leads as are allowed, in as many bytes as are allowed; each file another text. */
function fullFile(number: number): string {
  const header = "first_name,last_name,dob,notes\n";
  const rowBytes = Math.floor((FILE_BYTES - header.length - 1_000) / LEADS);
  const lines = Array.from({ length: LEADS }, (_, index) => {
    const line = `${leadLine(number * LEADS + index)},`;
    return line + "x".repeat(rowBytes - line.length - 1);
  });
  return `${header}${lines.join("\n")}${WIDE_LETTER}\n`;
}
