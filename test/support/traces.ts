import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

import { jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import type { Pool } from "pg";

import type { Stack } from "./stack.ts";

/**
 * Everywhere that something a person could be known by is still held: `table`, `object`, `stream`,
 * `disk` (the broker's files) or `log`, and which. The pattern is one for Postgres and JavaScript alike.
 */
export async function findTraces(stack: Stack, pattern: string): Promise<readonly string[]> {
  const found = await Promise.all([
    tracesInTables(stack.db, pattern),
    tracesInFiles(stack.objectStorePath, "object", pattern),
    // Where a message was: compressed streams hide it, but what is overwritten is overwritten in both.
    tracesInFiles(join(stack.objectStorePath, "..", "nats"), "disk", pattern),
    tracesInStreams(stack.nats.url, new RegExp(pattern, "i")),
  ]);
  const logs = stack.processes
    .filter((process) => process.logs.some((line) => new RegExp(pattern, "i").test(line)))
    .map(({ name }) => `log ${name}`);
  return [...found.flat(), ...logs].toSorted();
}

/** Every column of every row of every table that is none of Postgres's own. */
async function tracesInTables(db: Pool, pattern: string): Promise<readonly string[]> {
  const { rows: tables } = await db.query<{ name: string; parent: string }>(
    `select c.oid::regclass::text as name,
       coalesce((select inhparent::regclass::text from pg_inherits where inhrelid = c.oid),
                c.oid::regclass::text) as parent
     from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
     where c.relkind = 'r' and n.nspname not in ('pg_catalog', 'information_schema')`,
  );
  const traces = new Set<string>();
  for (const { name, parent } of tables) {
    const { rows } = await db.query(`select from ${name} as t where t::text ~* $1 limit 1`, [
      pattern,
    ]);
    if (rows.length > 0) traces.add(`table ${parent}`);
  }
  return [...traces];
}

async function tracesInFiles(
  folder: string,
  what: "object" | "disk",
  pattern: string,
): Promise<readonly string[]> {
  const traces: string[] = [];
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    const text = await readFile(path, "latin1");
    if (new RegExp(pattern, "i").test(path + text)) {
      traces.push(`${what} ${path.slice(folder.length + 1)}`);
    }
  }
  return traces;
}

/** Every message of every stream: its subject, its headers and its body. */
async function tracesInStreams(natsUrl: string, pattern: RegExp): Promise<readonly string[]> {
  const connection = await connect({ servers: natsUrl });
  try {
    const manager = await jetstreamManager(connection);
    const traces = new Set<string>();
    for await (const { config, state } of manager.streams.list()) {
      for (let seq = Math.max(1, state.first_seq); seq <= state.last_seq; seq += 1) {
        const message = await manager.streams.getMessage(config.name, { seq });
        if (message === null) continue;
        const headers = message.header.keys().map((key) => `${key}: ${message.header.get(key)}`);
        const text = [message.subject, ...headers, message.string()].join("\n");
        if (pattern.test(text)) traces.add(`stream ${config.name} ${message.subject}`);
      }
    }
    return [...traces];
  } finally {
    await connection.close();
  }
}
