import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, readdir, rm, utimes, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";

import { CreateBucketCommand, S3Client } from "@aws-sdk/client-s3";
import { buildApp } from "fauxqs";

import { ConfigError } from "./config.ts";
import { createS3ObjectStore } from "./object-store-s3.ts";
import { createObjectStore, type ObjectStore, readObject } from "./object-store.ts";

// oxlint-disable-next-line node/no-process-env -- the SDK reads its credentials nowhere else
Object.assign(process.env, { AWS_ACCESS_KEY_ID: "test", AWS_SECRET_ACCESS_KEY: "test" });

interface Opened extends AsyncDisposable {
  readonly store: ObjectStore;
  /** The same driver, on a place that cannot be used. */
  readonly broken: ObjectStore;
}

async function temporaryFolder() {
  const path = await mkdtemp(join(tmpdir(), "valify-objects-"));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true }) };
}

async function openFs(): Promise<Opened> {
  const folder = await temporaryFolder();
  const file = join(folder.path, "a-file");
  await writeFile(file, "");
  const store = await openFolder(join(folder.path, "store"));
  return { ...folder, store, broken: await openFolder(file) };
}

function openFolder(path: string): Promise<ObjectStore> {
  return createObjectStore({ OBJECT_STORE_URL: pathToFileURL(path).href });
}

async function openS3(): Promise<Opened> {
  const app = buildApp({ logger: false });
  const endpoint = await app.listen({ host: "127.0.0.1", port: 0 });
  const client = new S3Client({ endpoint, region: "eu-west-2", forcePathStyle: true });
  await client.send(new CreateBucketCommand({ Bucket: "leads" }));
  client.destroy();
  const open = (bucket: string) =>
    createObjectStore({
      OBJECT_STORE_URL: `s3://${bucket}?endpoint=${encodeURIComponent(endpoint)}&region=eu-west-2`,
    });
  const store = await open("leads");
  const broken = await open("no-such-bucket");
  return {
    store,
    broken,
    async [Symbol.asyncDispose]() {
      await store[Symbol.asyncDispose]();
      await broken[Symbol.asyncDispose]();
      await app.close();
    },
  };
}

function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

async function textAt(store: ObjectStore, key: string): Promise<string | undefined> {
  const bytes = await readObject(store, key, 1_000_000);
  return bytes === undefined ? undefined : new TextDecoder().decode(bytes);
}

async function keysBelow(store: ObjectStore, folder: string): Promise<readonly string[]> {
  const keys: string[] = [];
  for await (const { key } of store.list(folder)) keys.push(key);
  return keys.toSorted();
}

for (const [driver, open] of [
  ["fs", openFs],
  ["s3", openS3],
] as const) {
  test(`${driver}: gives back what was put, with its size`, async () => {
    await using opened = await open();
    const { store } = opened;
    for (const text of ["first_name,last_name\n", "", "ü\u0000\r\n"]) {
      await store.put("uploads/batch-1/file.csv", bytesOf(text));
      const object = await store.get("uploads/batch-1/file.csv");
      assert.equal(object?.byteCount, bytesOf(text).length);
      object?.stream.destroy();
      assert.equal(await textAt(store, "uploads/batch-1/file.csv"), text);
    }
  });

  test(`${driver}: keeps an object larger than any upload, byte for byte`, async () => {
    await using opened = await open();
    const bytes = Buffer.alloc(8 * 1_048_576);
    for (let index = 0; index < bytes.length; index += 1) bytes[index] = index % 251;
    await opened.store.put("large", bytes);
    const read = await readObject(opened.store, "large", bytes.length);
    assert.ok(read !== undefined && bytes.equals(read));
  });

  test(`${driver}: a second put replaces the first`, async () => {
    await using opened = await open();
    await opened.store.put("results/1.csv", bytesOf("a longer first version"));
    await opened.store.put("results/1.csv", bytesOf("second"));
    assert.equal(await textAt(opened.store, "results/1.csv"), "second");
  });

  test(`${driver}: two puts of one key at once leave one of them, whole`, async () => {
    await using opened = await open();
    const texts = ["a", "b", "c", "d"].map((letter) => letter.repeat(100_000));
    await Promise.all(texts.map((text) => opened.store.put("same", bytesOf(text))));
    assert.ok(texts.includes((await textAt(opened.store, "same")) ?? ""));
  });

  test(`${driver}: an object that is not there is undefined`, async () => {
    await using opened = await open();
    await opened.store.put("uploads/1/file.csv", bytesOf("x"));
    const keys = ["uploads/2/file.csv", "uploads/1", "uploads", "uploads/1/file.csv/more"];
    for (const key of keys) assert.equal(await opened.store.get(key), undefined, key);
  });

  test(`${driver}: deletes, and deletes what is gone without complaint`, async () => {
    await using opened = await open();
    await opened.store.put("uploads/1", bytesOf("x"));
    await opened.store.delete("uploads/1");
    await opened.store.delete("uploads/1");
    assert.equal(await opened.store.get("uploads/1"), undefined);
  });

  test(`${driver}: lists what is below a folder, with its age`, async () => {
    await using opened = await open();
    const { store } = opened;
    assert.deepEqual(await keysBelow(store, "uploads/"), []);
    const keys = ["uploads/a/1.csv", "uploads/a/2.csv", "uploads/b/c/3.csv"];
    for (const key of [...keys, "results/a/1.csv", "uploads-other/1.csv"]) {
      await store.put(key, bytesOf("x"));
    }
    assert.deepEqual(await keysBelow(store, "uploads/"), keys);
    for await (const { modifiedAt } of store.list("uploads/")) {
      assert.ok(Math.abs(Date.now() - modifiedAt.getTime()) < 3_600_000);
    }
    await assert.rejects(keysBelow(opened.broken, "uploads/"));
  });

  test(`${driver}: lists more than a page`, async () => {
    await using opened = await open();
    const keys = Array.from({ length: 1_050 }, (_, index) => `uploads/${10_000 + index}`);
    for (let first = 0; first < keys.length; first += 50) {
      const puts = keys.slice(first, first + 50).map((key) => opened.store.put(key, bytesOf("x")));
      await Promise.all(puts);
    }
    assert.deepEqual(await keysBelow(opened.store, "uploads/"), keys);
  });

  test(`${driver}: reads whole only up to the bound it is given`, async () => {
    await using opened = await open();
    await opened.store.put("uploads/1", bytesOf("12345"));
    assert.equal((await readObject(opened.store, "uploads/1", 5))?.length, 5);
    await assert.rejects(readObject(opened.store, "uploads/1", 4), /larger than 4 bytes/);
    assert.equal(await readObject(opened.store, "uploads/2", 5), undefined);
  });

  test(`${driver}: says whether it can be used`, async () => {
    await using opened = await open();
    await opened.store.check();
    await assert.rejects(opened.broken.check());
    await assert.rejects(opened.broken.put("uploads/1", bytesOf("x")));
  });
}

test("fs: refuses every key that could leave its folder", async () => {
  await using opened = await openFs();
  const { store } = opened;
  const keys = [
    "",
    ".",
    "..",
    "../a-file",
    "uploads/../../a-file",
    "/etc/passwd",
    "uploads//x",
    "uploads/",
    "uploads/.hidden",
    "uploads/x\0",
    "uploads\\..\\x",
    "uploads/a..b",
    "uploads/%2e%2e/x",
    "C:x",
    "uploads/x\n",
  ];
  for (const key of keys) {
    const attempts = [
      async () => store.put(key, bytesOf("x")),
      async () => store.get(key),
      async () => store.delete(key),
    ];
    for (const attempt of attempts) {
      await assert.rejects(attempt, /not an object key/, JSON.stringify(key));
    }
  }
});

test("fs: a put that fails leaves nothing behind", async () => {
  await using folder = await temporaryFolder();
  const store = await openFolder(folder.path);
  await store.put("uploads/1/file.csv", bytesOf("x"));
  // A folder stands where the object should go.
  await assert.rejects(store.put("uploads/1", bytesOf("x")));
  assert.deepEqual(await readdir(join(folder.path, "uploads")), ["1"]);
});

test("fs: drafts of killed puts are removed once they are old, and are no objects", async () => {
  await using folder = await temporaryFolder();
  const store = await openFolder(folder.path);
  await store.put("uploads/1/file.csv", bytesOf("x"));
  const drafts = ["uploads/.draft-old", "uploads/1/.draft-old", "uploads/1/.draft-new"];
  for (const draft of drafts) await writeFile(join(folder.path, draft), "half");
  const [yesterday, today] = [new Date(Date.now() - 86_400_000), new Date()];
  for (const draft of drafts.slice(0, 2)) {
    await utimes(join(folder.path, draft), yesterday, yesterday);
  }
  assert.deepEqual(await keysBelow(store, "uploads/"), ["uploads/1/file.csv"]);
  assert.equal(await store.removeLeftovers(new Date(today.getTime() - 3_600_000)), 2);
  assert.deepEqual(await readdir(join(folder.path, "uploads")), ["1"]);
  assert.deepEqual((await readdir(join(folder.path, "uploads/1"))).toSorted(), [
    ".draft-new",
    "file.csv",
  ]);
});

test("fs: objects outlive the process that put them", async () => {
  await using folder = await temporaryFolder();
  await (await openFolder(folder.path)).put("uploads/1", bytesOf("kept"));
  assert.equal(await textAt(await openFolder(folder.path), "uploads/1"), "kept");
});

test("s3: a server that accepts and never answers is given up", async () => {
  const silent = createServer((socket) => void socket.on("error", () => {}));
  silent.listen(0, "127.0.0.1");
  await once(silent, "listening");
  const address = silent.address();
  assert.ok(typeof address === "object" && address !== null);
  await using store = createS3ObjectStore({
    bucket: "leads",
    endpoint: `http://127.0.0.1:${address.port}`,
    region: "eu-west-2",
    requestTimeoutMs: 50,
  });
  await assert.rejects(store.check(), { name: "TimeoutError" });
  silent.close();
});

test("opens by address: a folder, a bucket, or the bucket variable alone", async () => {
  const settings = [
    { OBJECT_STORE_URL: "file:///var/lib/valify" },
    { OBJECT_STORE_URL: "s3://leads" },
    { OBJECT_STORE_URL: "s3://leads?endpoint=http%3A%2F%2F127.0.0.1%3A9000&region=eu-west-2" },
    { S3_BUCKET: "leads" },
  ];
  for (const given of settings) {
    await using store = await createObjectStore(given);
    assert.equal(typeof store.check, "function");
  }
});

test("refuses any other address with one line that does not show it", async () => {
  const bad = ["canary", "http://canary/", "file://canary/x", "s3://", "s3:canary", "gs://canary"];
  for (const text of bad) {
    await assert.rejects(
      createObjectStore({ OBJECT_STORE_URL: text }),
      (error) =>
        error instanceof ConfigError && /^OBJECT_STORE_URL (?!.*canary).*$/.test(error.message),
      text,
    );
  }
  await assert.rejects(createObjectStore({}), /^ConfigError: OBJECT_STORE_URL is missing$/);
});
