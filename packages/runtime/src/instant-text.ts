let lastMs = Number.NaN;
let lastText = "";

/**
 * An instant as JSON has it. What happens by the thousand shares its milliseconds: the last answer is
 * mostly the next, and costs a hundredth of writing it anew.
 */
export function instantText(instant: Date): string {
  const ms = instant.getTime();
  if (ms !== lastMs) {
    lastText = instant.toISOString(); // throws for no instant at all, and then nothing is kept
    lastMs = ms;
  }
  return lastText;
}
