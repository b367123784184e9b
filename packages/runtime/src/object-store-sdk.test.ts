import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";

/** Whether a process of its own that opens this store has loaded the SDK. */
async function loadsSdkFor(address: string): Promise<boolean> {
  const program = `
    import { createRequire } from "node:module";
    import { createObjectStore } from ${JSON.stringify(join(import.meta.dirname, "index.ts"))};
    await createObjectStore({ OBJECT_STORE_URL: ${JSON.stringify(address)} });
    const loaded = Object.keys(createRequire("/").cache);
    console.log(loaded.some((path) => path.includes("client-s3")));
    process.exit();`;
  const args = ["--input-type=module", "-e", program];
  return (await promisify(execFile)(process.execPath, args)).stdout === "true\n";
}

test("whoever has no bucket never loads the SDK", async () => {
  assert.equal(await loadsSdkFor("file:///var/lib/valify"), false);
  assert.equal(await loadsSdkFor("s3://leads?region=eu-west-2"), true);
});
