import type { Stack } from "../support/stack.ts";

/** Wake-ups pending in the scheduler. */
export function dueRows(stack: Stack): Promise<number> {
  return countRows(stack, "scheduling.due");
}

/** Requests recorded by the dispatcher. */
export function attemptRows(stack: Stack): Promise<number> {
  return countRows(stack, "delivery.attempts");
}

async function countRows({ db }: Stack, table: string): Promise<number> {
  const { rows } = await db.query<{ count: string }>(`select count(*) from ${table}`);
  return Number(rows[0]?.count);
}
