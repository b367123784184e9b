import assert from "node:assert/strict";

import {
  BatchView,
  UploadAccepted,
  WebhookRetryAccepted,
  WebhookStatusPage,
} from "@valify/contracts/api";

export interface UploadOptions {
  readonly filename?: string;
  readonly idempotencyKey?: string;
  /** Default: allow, since most tests and measurements upload one file many times. */
  readonly onDuplicate?: "refuse" | "allow";
  /** Undefined: the stack's own key; null: none at all. */
  readonly apiKey?: string | null;
}

/** Without it a hung request would outlast the deadline of whatever waits for it. */
const REQUEST_TIMEOUT_MS = 20_000;

/** The HTTP API as a customer's machine uses it. */
export function createApiClient(url: string, apiKey: string) {
  const { request, post, json } = createRequests(url, apiKey);

  async function webhookPage(batchId: string, query: string): Promise<WebhookStatusPage> {
    return WebhookStatusPage.parse(await json("GET", `/webhook_status/${batchId}?${query}`, 200));
  }

  return {
    request,
    post,
    json,
    /** `POST /upload_batch` of a file that is accepted. */
    async upload(file: string, options: UploadOptions = {}): Promise<UploadAccepted> {
      const response = await post(file, options);
      const text = await response.text();
      assert.equal(response.status, 202, text);
      return UploadAccepted.parse(JSON.parse(text));
    },
    async batchStatus(batchId: string): Promise<BatchView> {
      return BatchView.parse(await json("GET", `/batch_status/${batchId}`, 200));
    },
    /** All pages as one. */
    async webhookStatus(batchId: string): Promise<WebhookStatusPage> {
      const first = await webhookPage(batchId, "limit=100");
      const leads = [...first.leads];
      for (let cursor = first.next_cursor; cursor !== null;) {
        const page = await webhookPage(batchId, `limit=100&cursor=${encodeURIComponent(cursor)}`);
        leads.push(...page.leads);
        cursor = page.next_cursor;
      }
      return { ...first, leads, next_cursor: null };
    },
    async webhookCounts(batchId: string): Promise<WebhookStatusPage["counts"]> {
      return (await webhookPage(batchId, "limit=1")).counts;
    },
    /** How many deliveries were queued again. */
    async webhookRetry(batchId: string): Promise<number> {
      const accepted = await json("POST", `/webhook_retry/${batchId}`, 202);
      return WebhookRetryAccepted.parse(accepted).requeued;
    },
    async cancel(batchId: string): Promise<void> {
      await json("POST", `/batches/${batchId}/cancel`, 202);
    },
    async results(batchId: string): Promise<string> {
      const response = await request("GET", `/download_results/${batchId}`);
      // text() would drop the byte order mark, which is part of the file.
      return new TextDecoder("utf-8", { ignoreBOM: true }).decode(await response.bytes());
    },
  };
}

type Method = "GET" | "POST" | "PATCH" | "DELETE";

export type ApiClient = ReturnType<typeof createApiClient>;

function createRequests(url: string, ownKey: string) {
  const request = (method: Method, path: string, body?: object): Promise<Response> =>
    fetch(url + path, {
      method,
      headers: {
        authorization: `Bearer ${ownKey}`,
        ...(body && { "content-type": "application/json" }),
      },
      ...(body && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
    });

  /** Asserts the status, since a body that was not expected says more than a failed parse. */
  const json = async (
    method: Method,
    path: string,
    status: number,
    body?: object,
  ): Promise<unknown> => {
    const response = await request(method, path, body);
    const text = await response.text();
    assert.equal(response.status, status, `${method} ${path}: ${text}`);
    return JSON.parse(text);
  };

  /** `POST /upload_batch`, whatever the answer. */
  const post = (file: string | Uint8Array, options: UploadOptions = {}): Promise<Response> => {
    const { filename = "leads.csv", apiKey = ownKey, idempotencyKey } = options;
    const body = new FormData();
    body.set("on_duplicate", options.onDuplicate ?? "allow");
    const bytes = typeof file === "string" ? file : new Uint8Array(file);
    body.set("file", new Blob([bytes], { type: "text/csv" }), filename);
    const headers = {
      ...(apiKey === null ? {} : { authorization: `Bearer ${apiKey}` }),
      ...(idempotencyKey === undefined ? {} : { "idempotency-key": idempotencyKey }),
    };
    return fetch(`${url}/upload_batch`, {
      method: "POST",
      body,
      headers,
      signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
    });
  };

  return { request, json, post };
}
