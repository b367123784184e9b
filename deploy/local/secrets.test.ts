import assert from "node:assert/strict";
import { mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

import { keepSecrets } from "./secrets.ts";

async function temporaryFolder(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), "valify-secrets-"));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true }) };
}

test("secrets are made once, for their owner's eyes, and read back ever after", async () => {
  await using folder = await temporaryFolder();
  const first = await keepSecrets(folder.path);
  assert.equal(first.isFirstRun, true);
  assert.equal(Buffer.from(first.secrets.SECRET_KEY, "base64").length, 32);
  assert.match(first.secrets.BOOTSTRAP_API_KEY, /^vb_live_[\w-]{43}$/);
  assert.equal((await stat(first.file)).mode & 0o777, 0o600);

  const second = await keepSecrets(folder.path);
  assert.deepEqual(second, { ...first, isFirstRun: false, isNewAdmin: false });
});

test("a file of before there was an admin gets one, and keeps what it has", async () => {
  await using folder = await temporaryFolder();
  const old = { SECRET_KEY: "sealed with this", BOOTSTRAP_API_KEY: "vb_live_old" };
  await writeFile(join(folder.path, "secrets.json"), JSON.stringify(old));
  const first = await keepSecrets(folder.path);
  assert.deepEqual([first.isFirstRun, first.isNewAdmin], [false, true]);
  assert.deepEqual({ ...first.secrets, ...old }, first.secrets);
  assert.match(first.secrets.ADMIN_EMAIL, /^admin@/);
  assert.ok(first.secrets.ADMIN_PASSWORD.length >= 20);
  assert.deepEqual(await keepSecrets(folder.path), { ...first, isNewAdmin: false });
});

test("a damaged file is refused, not replaced, and its content is not shown", async () => {
  await using folder = await temporaryFolder();
  for (const content of ["{", "null", '{"SECRET_KEY":"the secret"}']) {
    await writeFile(join(folder.path, "secrets.json"), content);
    await assert.rejects(keepSecrets(folder.path), (error: Error) => {
      assert.equal(error.name, "StartError");
      assert.ok(!error.message.includes("the secret"));
      return true;
    });
  }
});
