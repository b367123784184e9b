import { join } from "node:path";

/** The root folder of this checkout. */
export const ROOT = join(import.meta.dirname, "..", "..");

/** Can't go on, for a reason the user can act on: shown as one line, without a stack. */
export class StartError extends Error {
  override readonly name = "StartError";
  /** Shown above that line: a process's last words. */
  readonly details: readonly string[];

  constructor(message: string, details: readonly string[] = []) {
    super(message);
    this.details = details;
  }
}

/** What to print for an error that ends us. */
export function describeFailure(error: unknown): string {
  if (error instanceof StartError) {
    return [...error.details, `valify: ${error.message}`].join("\n");
  }
  return `valify: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`;
}
