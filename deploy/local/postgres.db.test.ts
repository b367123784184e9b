import assert from "node:assert/strict";
import { chmod, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { getuid } from "node:process";
import { test } from "node:test";

// @boundaries-ignore a database client is the tests' alone, and deploy/local is no package
import { createTestDatabase } from "../../test/support/test-database.ts";
import { canEnter, removePostgresData } from "./postgres-place.ts";
import { startPostgres } from "./postgres.ts";
import { startChild } from "./processes.ts";

const settings = { fsync: "off" };
const silent = () => {};

/** As a fresh checkout of root's: a folder only its owner can enter. */
async function privateFolder() {
  const path = await mkdtemp(join(tmpdir(), "valify-postgres-test-"));
  await chmod(path, 0o700);
  const dataDir = join(path, "postgres");
  const dispose = async () => {
    await removePostgresData(dataDir);
    await rm(path, { recursive: true });
  };
  return { path, dataDir, [Symbol.asyncDispose]: dispose };
}

test("starts from a folder only its owner can enter, and keeps its data over kill -9", async () => {
  await using folder = await privateFolder();
  const { dataDir } = folder;
  await using postgres = await startPostgres({ dataDir, log: silent, settings });
  const { url, pid } = postgres;
  // Dropping it again fails when the data is not the same.
  const kept = await createTestDatabase(url);

  await postgres.kill9();
  await postgres.restart();
  assert.equal(postgres.url, url);
  assert.notEqual(postgres.pid, pid);
  await kept[Symbol.asyncDispose]();
});

test("a later start finds the data and the password of the first", async () => {
  await using folder = await privateFolder();
  const { dataDir } = folder;
  const first = await startPostgres({ dataDir, log: silent, settings });
  const kept = await createTestDatabase(first.url);
  await first.stop();

  // Left behind by a crash, and its number given to another process of the same user.
  const { uid, gid } = await stat(first.dataDir);
  const user = getuid?.() === 0 ? { uid, gid } : undefined;
  const other = await startChild({ name: "other", command: "sleep", args: ["60"], cwd: "/", user });
  await writeFile(join(first.dataDir, "pgdata", "postmaster.pid"), `${other.pid}\n`);
  await using second = await startPostgres({ dataDir, port: first.port, log: silent, settings });
  assert.equal(second.url, first.url);
  await other.stop();
  await kept[Symbol.asyncDispose]();
});

test("a second server on the same data is refused", async () => {
  await using folder = await privateFolder();
  const { dataDir } = folder;
  await using first = await startPostgres({ dataDir, log: silent, settings });
  await assert.rejects(startPostgres({ dataDir, log: silent, settings }), {
    name: "StartError",
    message: `PostgreSQL already runs on ${join(first.dataDir, "pgdata")} (process ${first.pid}): stop it first`,
  });
});

test("only its user can read the data and the password, and that user is not root", async () => {
  await using folder = await privateFolder();
  const { dataDir } = folder;
  await using postgres = await startPostgres({ dataDir, log: silent, settings });
  const data = await stat(postgres.dataDir);
  assert.equal(data.mode & 0o077, 0);
  assert.notEqual(data.uid, 0);
  const password = join(postgres.dataDir, "pgdata", "valify.password");
  assert.equal((await stat(password)).mode & 0o777, 0o600);
  assert.ok(postgres.url.includes(await readFile(password, "utf8")));
  // A wrong password must be refused, or the right one would mean nothing.
  const url = new URL(postgres.url);
  url.password = "wrong";
  await assert.rejects(createTestDatabase(url.href), { code: "28P01" });
});

test("a folder with one closed parent can't be entered by another user", async () => {
  await using folder = await privateFolder();
  const owner = (await stat(folder.path)).uid;
  assert.equal(owner, getuid?.());
  assert.equal(await canEnter(folder.path, { uid: owner, gid: 65_534 }), true);
  assert.equal(await canEnter(folder.path, { uid: 65_534, gid: 65_534 }), false);
  await chmod(folder.path, 0o711);
  assert.equal(await canEnter(folder.path, { uid: 65_534, gid: 65_534 }), true);
});
