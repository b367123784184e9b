import { randomUUID } from "node:crypto";

import { Client } from "pg";

export interface TestDatabase extends AsyncDisposable {
  readonly url: string;
}

/** An empty database of one's own on the server; dropped on disposal. */
export async function createTestDatabase(serverUrl: string): Promise<TestDatabase> {
  const name = `valify_stack_${randomUUID().replaceAll("-", "")}`;
  await run(serverUrl, `create database ${name}`);
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  return {
    url: url.href,
    [Symbol.asyncDispose]: () => run(serverUrl, `drop database ${name} with (force)`),
  };
}

async function run(serverUrl: string, statement: string): Promise<void> {
  const client = new Client({ connectionString: serverUrl });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
