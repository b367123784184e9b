import type { UploadAccepted, UploadPreview } from "@valify/contracts/api";

import type { Actor } from "./audit.ts";
import type { Failure } from "./problem.ts";
import type { UploadOptions } from "./upload-options.ts";

export interface Upload {
  readonly actor: Actor;
  readonly filename: string;
  readonly bytes: Buffer;
  readonly idempotencyKey: string | null;
  readonly options: UploadOptions;
}

export type UploadOutcome =
  | { readonly kind: "accepted"; readonly answer: UploadAccepted }
  /** The same file under the same idempotency key: the first answer once more. */
  | { readonly kind: "replayed"; readonly answer: UploadAccepted }
  /** A dry run: nothing is stored. */
  | { readonly kind: "previewed"; readonly answer: UploadPreview }
  | { readonly kind: "refused"; readonly failure: Failure };

export function refuse(failure: Failure): UploadOutcome {
  return { kind: "refused", failure };
}
