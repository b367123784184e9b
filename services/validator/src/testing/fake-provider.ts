import { createServer, type IncomingMessage, type ServerResponse } from "node:http";

export interface ReceivedQuestion {
  readonly headers: Readonly<Record<string, string>>;
  readonly rawBody: string;
  readonly rows: readonly number[];
}

type Behaviour = (response: ServerResponse, question: ReceivedQuestion) => void;

export interface FakeProvider extends AsyncDisposable {
  readonly url: URL;
  readonly received: ReceivedQuestion[];
  /** How it answers from now on. */
  behave(behaviour: Behaviour): void;
}

/** Calls every lead valid. */
export const agreeing: Behaviour = (response, { rows }) => {
  answerWith(response, { results: rows.map((row) => ({ row, status: "valid" })) });
};

export function answerWith(response: ServerResponse, body: unknown, status = 200): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(typeof body === "string" ? body : JSON.stringify(body));
}

/** A provider on loopback that can be slow, wrong or down. */
export async function startFakeProvider(): Promise<FakeProvider> {
  const received: ReceivedQuestion[] = [];
  let behaviour = agreeing;
  async function receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const question = await readQuestion(request);
    received.push(question);
    behaviour(response, question);
  }
  const server = createServer((request, response) => {
    void receive(request, response);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return {
    url: new URL(`http://127.0.0.1:${address.port}/check`),
    received,
    behave(next) {
      behaviour = next;
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    },
  };
}

async function readQuestion(request: IncomingMessage): Promise<ReceivedQuestion> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  const rawBody = Buffer.concat(chunks).toString();
  const { leads }: { leads: { row: number }[] } = JSON.parse(rawBody);
  const headers = Object.entries(request.headers).map(([name, value]) => [name, String(value)]);
  return { headers: Object.fromEntries(headers), rawBody, rows: leads.map(({ row }) => row) };
}
