/** Of Argon2id: memory in KiB, passes, lanes. */
export interface PasswordCost {
  readonly memory: number;
  readonly passes: number;
  readonly parallelism: number;
}

export interface PasswordHash extends PasswordCost {
  readonly salt: Buffer;
  readonly tag: Buffer;
}

/** OWASP's choice of 2023: about 50 ms and 19 MiB for each sign-in, and for each guess. */
export const PASSWORD_COST: PasswordCost = { memory: 19_456, passes: 2, parallelism: 1 };

const PHC = /^\$argon2id\$v=19\$m=(\d{1,7}),t=(\d{1,3}),p=(\d{1,2})\$([\w+/]+)\$([\w+/]+)$/;

/** The PHC string format, which says how it was made: a later cost does not lock anybody out. */
export function formatPasswordHash(hash: PasswordHash): string {
  const { memory, passes, parallelism, salt, tag } = hash;
  const parameters = `m=${memory},t=${passes},p=${parallelism}`;
  return `$argon2id$v=19$${parameters}$${unpadded(salt)}$${unpadded(tag)}`;
}

/** Null for anything that {@link formatPasswordHash} did not make. */
export function parsePasswordHash(text: string): PasswordHash | null {
  const [, memory, passes, parallelism, salt, tag] = PHC.exec(text) ?? [];
  if (salt === undefined || tag === undefined) return null;
  return {
    memory: Number(memory),
    passes: Number(passes),
    parallelism: Number(parallelism),
    salt: Buffer.from(salt, "base64"),
    tag: Buffer.from(tag, "base64"),
  };
}

function unpadded(bytes: Buffer): string {
  return bytes.toString("base64").replace(/=+$/, "");
}
