import type { FastifyRequest } from "fastify";

import type { Failure } from "./problem.ts";

export type KeyReading =
  /** Null: none was sent. */
  | { readonly kind: "read"; readonly key: string | null }
  | { readonly kind: "refused"; readonly failure: Failure };

const IDEMPOTENCY_KEY = /^[\x20-\x7e]{1,255}$/;

const keyInvalid: Failure = {
  status: 400,
  code: "IDEMPOTENCY_KEY_INVALID",
  detail: "Idempotency-Key must be 1 to 255 printable ASCII characters",
};

/** The key under which a client repeats a request that it does not know the answer to. */
export function readIdempotencyKey({ headers }: Pick<FastifyRequest, "headers">): KeyReading {
  const key = headers["idempotency-key"] ?? null;
  const isRefused = Array.isArray(key) || (key !== null && !IDEMPOTENCY_KEY.test(key));
  return isRefused ? { kind: "refused", failure: keyInvalid } : { kind: "read", key };
}
