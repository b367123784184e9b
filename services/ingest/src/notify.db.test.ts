import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, test } from "node:test";

import { createAddressGuard } from "@valify/runtime";
import { SMTPServer } from "smtp-server";

import { DEFAULT_TENANT_ID } from "./bootstrap.ts";
import { noticeOfDisabledEndpoint, noticeOfFailedBatch } from "./domain/notice.ts";
import { createNotifier } from "./notify.ts";
import { createOperationsWebhook } from "./operations-webhook.ts";
import { createMailer } from "./send-mail.ts";
import { createTestApp, silentLog, type TestApp } from "./test-support.ts";

// Goal: people hear of what needs them, once, by mail and by webhook, and without a name in it.
// Method: a real SMTP server and a real receiver, each of which can be told to refuse.

const SECRET = `whsec_${Buffer.alloc(32, 7).toString("base64")}`;
const mails: string[] = [];
const posts: { readonly headers: IncomingHttpHeaders; readonly body: string }[] = [];
const world = { mailFails: false, hookStatus: 200 };

let t: TestApp;
let smtp: SMTPServer;
let smtpUrl: string;
let hookUrl: string;
const stack = new AsyncDisposableStack();
before(async () => {
  t = stack.use(await createTestApp());
  await t.owner.query(
    `insert into ingest.users (tenant_id, email, role, disabled_at) values
      ($1, 'ada@example.com', 'admin', null), ($1, 'bo@example.com', 'viewer', null),
      ($1, 'cy@example.com', 'admin', now())`,
    [DEFAULT_TENANT_ID],
  );
  smtp = new SMTPServer({
    authOptional: true,
    disabledCommands: ["STARTTLS"],
    onData(stream, _session, done) {
      stream.setEncoding("utf8");
      let mail = "";
      stream.on("data", (chunk: string) => (mail += chunk));
      stream.on("end", () => {
        if (!world.mailFails) mails.push(mail);
        done(world.mailFails ? new Error("no") : null);
      });
    },
  });
  const listening = smtp.listen(0, "127.0.0.1");
  await once(listening, "listening");
  smtpUrl = `smtp://127.0.0.1:${portOf(listening.address())}`;
  stack.defer(() => new Promise<void>((resolve) => smtp.close(() => resolve())));
  const server = createServer((request, response) => {
    let body = "";
    request.setEncoding("utf8").on("data", (chunk: string) => (body += chunk));
    request.on("end", () => {
      posts.push({ headers: request.headers, body });
      response.writeHead(world.hookStatus).end();
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  hookUrl = `http://127.0.0.1:${portOf(server.address())}/ops`;
  stack.defer(() => {
    server.closeAllConnections();
    server.close();
  });
});
after(() => stack.disposeAsync());

function portOf(address: string | AddressInfo | null): number {
  assert.ok(typeof address === "object" && address !== null);
  return address.port;
}

const failed = (batchId: string) =>
  noticeOfFailedBatch({
    batch_id: batchId,
    tenant_id: DEFAULT_TENANT_ID,
    code: "OBJECT_MISSING",
    message: "The uploaded file is no longer in the object store",
    failed_at: "2026-11-25T10:00:00Z",
  });

function openNotifier(allowedCidrs: readonly string[] = ["127.0.0.0/8"]) {
  const guard = createAddressGuard({ allowedCidrs, allowHttp: true });
  const mailer = stack.use(createMailer(smtpUrl, "valify@example.com"));
  const webhook = stack.use(createOperationsWebhook({ url: hookUrl, secret: SECRET, guard }));
  const addresses = ["ops@example.com"];
  return createNotifier({ db: t.db, log: silentLog(), mailer, addresses, webhook });
}

function reset() {
  mails.length = 0;
  posts.length = 0;
  Object.assign(world, { mailFails: false, hookStatus: 200 });
}

test("a failed batch is told to the tenant's admins and to the operations webhook, once", async () => {
  reset();
  const notify = openNotifier();
  const notice = failed("batch_01m80nrekaf7cthw4ab7kgfnsg");
  assert.equal(await notify(notice), undefined);
  assert.equal(await notify(notice), undefined, "a redelivery is a success");
  assert.equal(mails.length, 1);
  const [mail = ""] = mails;
  assert.match(mail, /^To: ada@example\.com, ops@example\.com\r?$/m);
  assert.match(mail, /^Subject: \[Valify\] Batch failed: OBJECT_MISSING\r?$/m);
  assert.match(mail, /^Message-ID: <[0-9a-f]{32}@valify-batch>\r?$/m);
  assert.match(mail, /batch_01m80nrekaf7cthw4ab7kgfnsg/);
  assert.equal(posts.length, 1);
  const [post] = posts;
  const { type, data } = JSON.parse(post?.body ?? "{}");
  assert.deepEqual([type, data.code], ["batch.failed", "OBJECT_MISSING"]);
  const signed = `${String(post?.headers["webhook-id"])}.${String(post?.headers["webhook-timestamp"])}.${post?.body}`;
  const signature = createHmac("sha256", Buffer.alloc(32, 7)).update(signed).digest("base64");
  assert.equal(post?.headers["webhook-signature"], `v1,${signature}`);
});

test("an endpoint that was disabled is told with its reason", async () => {
  reset();
  const notice = noticeOfDisabledEndpoint({
    endpoint_id: "7f3d8a52-3f0b-4c11-9b8e-3f9f6f1f2a10",
    tenant_id: DEFAULT_TENANT_ID,
    reason: "failing_for_days",
    disabled_at: "2026-11-25T10:00:00Z",
  });
  assert.equal(await openNotifier()(notice), undefined);
  assert.match(mails[0] ?? "", /Webhook endpoint disabled: failing_for_days/);
  assert.match(posts[0]?.body ?? "", /"type":"endpoint\.disabled"/);
});

test("a way that fails is tried again, and the other is not", async () => {
  reset();
  world.mailFails = true;
  const notify = openNotifier();
  const notice = failed("batch_01m80nrekaf7cthw4ab7kgfnsh");
  assert.deepEqual(await notify(notice), { kind: "later", delayMs: 60_000 });
  assert.deepEqual([mails.length, posts.length], [0, 1]);
  world.mailFails = false;
  world.hookStatus = 500;
  assert.equal(await notify(notice), undefined);
  assert.deepEqual([mails.length, posts.length], [1, 1]);

  const next = failed("batch_01m80nrekaf7cthw4ab7kgfnsj");
  assert.equal((await notify(next))?.kind, "later");
  world.hookStatus = 204;
  assert.equal(await notify(next), undefined);
  assert.deepEqual([mails.length, posts.length], [2, 3]);
  assert.equal(posts[1]?.headers["webhook-id"], posts[2]?.headers["webhook-id"]);
});

test("the operations webhook goes to no private address unless that is allowed", async () => {
  reset();
  const notify = openNotifier([]);
  assert.equal((await notify(failed("batch_01m80nrekaf7cthw4ab7kgfnsk")))?.kind, "later");
  assert.equal(posts.length, 0);
  assert.equal(mails.length, 1);
});
