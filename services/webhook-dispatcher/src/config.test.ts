import assert from "node:assert/strict";
import { test } from "node:test";
import { inspect } from "node:util";

import { readConfig } from "./config.ts";

const REQUIRED = {
  DATABASE_URL: "postgres://127.0.0.1/valify",
  NATS_URL: "nats://127.0.0.1:4222",
  SECRET_KEY: "0123456789abcdef0123456789abcdef",
};

const delays = (count: number) =>
  readConfig({ ...REQUIRED, WEBHOOK_RETRY_DELAYS: Array(count).fill("PT1S").join(",") });

test("one attempt and three retries unless told otherwise", () => {
  assert.deepEqual(readConfig(REQUIRED).WEBHOOK_RETRY_DELAYS, [60_000, 300_000, 1_500_000]);
});

test("a proxy's URL is read once, and one that cannot be read is named, not shown", () => {
  const withProxy = (url: string) => readConfig({ ...REQUIRED, WEBHOOK_PROXY_URL: url });
  assert.equal(readConfig(REQUIRED).WEBHOOK_PROXY_URL, undefined);
  const proxy = withProxy("http://user:CANARY@proxy.internal:3128").WEBHOOK_PROXY_URL;
  assert.deepEqual([proxy?.hostname, proxy?.port, proxy?.isTls], ["proxy.internal", 3128, false]);
  assert.throws(
    () => withProxy("socks5://user:CANARY@proxy.internal"),
    (error: Error) => {
      assert.ok(error.message.startsWith("WEBHOOK_PROXY_URL must be a URL such as"));
      return !inspect(error).includes("CANARY");
    },
  );
});

test("one to ten retries can be set, eleven stop the process with the variable's name", () => {
  assert.equal(delays(1).WEBHOOK_RETRY_DELAYS.length, 1);
  assert.equal(delays(10).WEBHOOK_RETRY_DELAYS.length, 10);
  assert.throws(() => delays(11), /WEBHOOK_RETRY_DELAYS must list at most 10 delays/);
});
