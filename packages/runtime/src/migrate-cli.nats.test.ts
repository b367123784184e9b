import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { test } from "node:test";

import { jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { createDatabase } from "@valify/database";
import { requireEnv } from "@valify/database/testing";
import { sql } from "kysely";

import { startTestNats } from "./testing.ts";

const serverUrl = requireEnv("TEST_DATABASE_URL");

async function createEmptyDatabase() {
  const name = `valify_empty_${randomUUID().replaceAll("-", "")}`;
  await asAdmin(`create database ${name}`);
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  return {
    url: url.href,
    [Symbol.asyncDispose]: () => asAdmin(`drop database ${name} with (force)`),
  };
}

async function asAdmin(statement: string): Promise<void> {
  await using admin = createDatabase({
    url: serverUrl,
    role: null,
    applicationName: "valify-test",
  });
  await sql.raw(statement).execute(admin);
}

interface Ended {
  readonly exitCode: number | string | null | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

function run(env: Readonly<Record<string, string>>): Promise<Ended> {
  const file = join(import.meta.dirname, "migrate-cli.ts");
  return new Promise((resolve) => {
    execFile(process.execPath, [file], { env }, (error, stdout, stderr) =>
      resolve({ exitCode: error === null ? 0 : error.code, stdout, stderr }),
    );
  });
}

function eventsOf({ stdout }: Ended): readonly string[] {
  return stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line).event);
}

test("the migrate job makes schema and streams, and does no harm a second time", async () => {
  await using database = await createEmptyDatabase();
  await using nats = await startTestNats(requireEnv("TEST_NATS_SERVER_BIN"));
  const connection = await connect({ servers: nats.url });
  const manager = await jetstreamManager(connection);
  for await (const { config } of manager.streams.list()) {
    await manager.streams.delete(config.name);
  }
  const env = { DATABASE_URL: database.url, NATS_URL: nats.url };

  const first = await run(env);
  assert.deepEqual([first.exitCode, first.stderr], [0, ""]);
  assert.deepEqual(eventsOf(first), ["migrate.schema_ready", "migrate.topology_ready"]);
  assert.equal((await manager.getAccountInfo()).streams, 5);

  const second = await run(env);
  assert.deepEqual([second.exitCode, second.stderr], [0, ""]);
  assert.deepEqual(eventsOf(second), ["migrate.schema_ready", "migrate.topology_ready"]);
  await connection.close();
});

test("a missing variable costs one line that names it, and exit code 1", async () => {
  const { exitCode, stdout, stderr } = await run({ NATS_URL: "nats://127.0.0.1:4222" });
  assert.deepEqual([exitCode, stdout, stderr], [1, "", "migrate: DATABASE_URL is missing\n"]);
});

test("every bad variable is named in that one line, and no value is shown", async () => {
  const { exitCode, stderr } = await run({ DATABASE_URL: "canary", NATS_REPLICAS: "canary" });
  assert.equal(exitCode, 1);
  assert.match(stderr, /^migrate: .*DATABASE_URL.*NATS_URL is missing.*NATS_REPLICAS.*\n$/);
  assert.doesNotMatch(stderr, /canary/);
});

test("a database that does not answer ends the job with exit code 1", async () => {
  const env = { DATABASE_URL: "postgres://127.0.0.1:1/none", NATS_URL: "nats://127.0.0.1:1" };
  const { exitCode, stderr } = await run(env);
  assert.equal(exitCode, 1);
  assert.match(stderr, /^migrate: .*ECONNREFUSED/);
});
