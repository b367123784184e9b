/**
 * The work can never succeed, however often it is tried: the consumer stores a dead letter and
 * answers `term`. Any other error counts as transient, and the consumer answers `nak`.
 */
export class PermanentError extends Error {
  override readonly name = "PermanentError";
  /** Stable. Tests, alerts and the runbook match on it, never on the message. */
  readonly code: Uppercase<string>;

  constructor(message: string, options: ErrorOptions & { code: Uppercase<string> }) {
    super(message, options);
    this.code = options.code;
  }
}
