import { argon2, randomBytes, timingSafeEqual } from "node:crypto";
import { promisify } from "node:util";

import {
  formatPasswordHash,
  parsePasswordHash,
  PASSWORD_COST,
  type PasswordCost,
} from "./domain/password-hash.ts";
import { createUploadSlots } from "./domain/upload-slots.ts";

export interface Passwords {
  /** Null where too many are at work: try again later. */
  hash(password: string): Promise<string | null>;
  /**
   * `stored` undefined or null: there is nothing to compare with, which takes as long and is never
   * right. Null where too many are at work.
   */
  verify(password: string, stored: string | null | undefined): Promise<boolean | null>;
}

/** Each takes 19 MiB and a thread of Node's pool, of which there are four. */
const AT_WORK_MAX = 2;
const WAITING_MAX = 20;
const WAIT_MAX_MS = 5_000;
const SALT_BYTE_COUNT = 16;
const TAG_BYTE_COUNT = 32;

const argon2Async = promisify(argon2);

/** One per process: its bounds are the process's memory and threads. */
export function createPasswords(): Passwords {
  const slots = createUploadSlots({ slotsMax: AT_WORK_MAX, waitingMax: WAITING_MAX });

  async function derive(password: string, salt: Buffer, cost: PasswordCost, tagLength: number) {
    const release = await slots.take("sign-in", AbortSignal.timeout(WAIT_MAX_MS));
    if (release === null) return null;
    try {
      // Two keyboards may write one character in two ways.
      const message = password.normalize("NFKC");
      return await argon2Async("argon2id", { ...cost, message, nonce: salt, tagLength });
    } finally {
      release();
    }
  }

  return {
    async hash(password) {
      const salt = randomBytes(SALT_BYTE_COUNT);
      const tag = await derive(password, salt, PASSWORD_COST, TAG_BYTE_COUNT);
      return tag === null ? null : formatPasswordHash({ ...PASSWORD_COST, salt, tag });
    },
    async verify(password, stored) {
      const parsed = stored ? parsePasswordHash(stored) : null;
      const { salt, tag: wanted, ...cost } = parsed ?? NOBODY;
      const tag = await derive(password, salt, cost, wanted.length);
      return tag && timingSafeEqual(tag, wanted) && parsed !== null;
    },
  };
}

const NOBODY = {
  ...PASSWORD_COST,
  salt: Buffer.alloc(SALT_BYTE_COUNT),
  tag: Buffer.alloc(TAG_BYTE_COUNT),
};
