import assert from "node:assert/strict";
import { test } from "node:test";

import { maskRequestHeaders, maskResponseHeaders } from "./mask-headers.ts";

test("a request shows our own headers and the mere names of all others", () => {
  const shown = maskRequestHeaders({
    "content-type": "application/json",
    "webhook-id": "msg_1",
    "webhook-signature": "v1,CANARY",
    authorization: "Bearer CANARY",
    "x-tenant": "CANARY",
  });
  assert.deepEqual(shown, {
    "content-type": "application/json",
    "webhook-id": "msg_1",
    "webhook-signature": "[masked]",
    authorization: "[masked]",
    "x-tenant": "[masked]",
  });
});

test("an answer shows all but its secrets; a repeated header is joined", () => {
  const shown = maskResponseHeaders({
    server: "nginx",
    via: ["1.1 a", "1.1 b"],
    "set-cookie": ["session=CANARY"],
    "x-auth-token": "CANARY",
    "x-api-key": "CANARY",
  });
  assert.deepEqual(shown, {
    server: "nginx",
    via: "1.1 a, 1.1 b",
    "set-cookie": "[masked]",
    "x-auth-token": "[masked]",
    "x-api-key": "[masked]",
  });
});
