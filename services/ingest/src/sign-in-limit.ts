import { hash } from "node:crypto";

import type { Database } from "@valify/database";
import type { Kysely } from "kysely";

import { countAttempt, forgetAttempts } from "./sign-in-queries.ts";
import { asSystem } from "./tenant-scope.ts";

export const ATTEMPTS_WINDOW_MS = 15 * 60_000;
/** One address from one machine; from all machines together; and all addresses from one machine. */
const OF_PAIR_MAX = 10;
const OF_EMAIL_MAX = 50;
const OF_IP_MAX = 200;

export interface SignInLimit {
  /** Null: go on. Else the seconds to wait. Counted before the password is looked at, so that
   * guesses made at once count too, and whether or not the address exists. */
  take(email: string, ip: string): Promise<number | null>;
  /** They were who they said. */
  forget(email: string, ip: string): Promise<void>;
}

/** Shared by all replicas, since it is kept in Postgres. */
export function createSignInLimit(db: Kysely<Database>): SignInLimit {
  return {
    async take(email, ip) {
      const waits = await asSystem(db, async (trx) => {
        const found: number[] = [];
        // Always in this order, so that racers never wait for each other in a circle.
        for (const { bucket, max } of bucketsOf(email, ip)) {
          const { attempts, retryAfterSeconds } = await countAttempt(
            trx,
            bucket,
            ATTEMPTS_WINDOW_MS,
          );
          if (attempts > max) found.push(Math.max(1, retryAfterSeconds));
        }
        return found;
      });
      return waits.length === 0 ? null : Math.max(...waits);
    },
    async forget(email, ip) {
      const [, ofEmail, ofPair] = bucketsOf(email, ip).map(({ bucket }) => bucket);
      const buckets = [ofEmail, ofPair].filter((bucket) => bucket !== undefined);
      await asSystem(db, (trx) => forgetAttempts(trx, buckets));
    },
  };
}

/** Hashes: who tried to sign in is nobody's business. */
function bucketsOf(email: string, ip: string) {
  return [
    { bucket: bucketOf(`ip ${ip}`), max: OF_IP_MAX },
    { bucket: bucketOf(`email ${email}`), max: OF_EMAIL_MAX },
    { bucket: bucketOf(`pair ${email} ${ip}`), max: OF_PAIR_MAX },
  ];
}

function bucketOf(text: string): Buffer {
  return hash("sha256", text, "buffer");
}
