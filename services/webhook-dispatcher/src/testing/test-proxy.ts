import { once } from "node:events";
import { connect, createServer as createTcpServer, type Socket } from "node:net";
import { createServer as createTlsServer, type TlsOptions } from "node:tls";

/** What a proxy does with one CONNECT: lets it through to a local port, or answers this, or nothing. */
export type ProxyMove =
  | { readonly toPort: number }
  | { readonly answer: string }
  | "flood"
  | "mute";

export interface TestProxy extends AsyncDisposable {
  readonly port: number;
  /** The heads of the requests it was sent, CONNECT and others, in their order. */
  readonly heads: readonly string[];
  /** Where it was asked to go. */
  targets(): readonly string[];
  /** From now on nothing passes and nothing is answered, although connections are taken. */
  freeze(): void;
  /** Every connection breaks and no new one is taken, as after a kill. */
  kill(): Promise<void>;
}

export interface TestProxyOptions {
  readonly tls?: TlsOptions;
  /** Whatever else it is asked, it says nothing. */
  readonly knowsConnectAlone?: boolean;
}

const HEAD_END = "\r\n\r\n";

/** A proxy of the test's own: it takes each CONNECT where `moveFor` says, wherever it asks to go. */
export async function startTestProxy(
  moveFor: (target: string) => ProxyMove,
  { tls, knowsConnectAlone = false }: TestProxyOptions = {},
): Promise<TestProxy> {
  const heads: string[] = [];
  const sockets = new Set<Socket>();
  let isFrozen = false;

  function keep(socket: Socket): void {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
  }

  function serve(client: Socket): void {
    keep(client);
    let head = "";
    client.on("data", function read(chunk: Buffer) {
      head += chunk.toString("latin1");
      if (isFrozen || !head.includes(HEAD_END)) return;
      client.off("data", read).pause();
      heads.push(head);
      const [method, target = ""] = head.split(" ");
      if (method === "CONNECT") act(client, moveFor(target));
      else if (!knowsConnectAlone)
        client.end("HTTP/1.1 405 Method Not Allowed\r\ncontent-length: 0\r\n\r\n");
    });
  }

  function act(client: Socket, move: ProxyMove): void {
    if (move === "mute") return;
    if (move === "flood") flood(client);
    else if ("answer" in move) client.end(move.answer);
    else keep(letThrough(client, move.toPort));
  }

  const server = tls === undefined ? createTcpServer(serve) : createTlsServer(tls, serve);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("no port");

  async function kill(): Promise<void> {
    if (!server.listening) return;
    const closed = once(server, "close");
    server.close();
    for (const socket of sockets) socket.destroy();
    await closed;
  }

  return {
    port: address.port,
    heads,
    targets: () => heads.flatMap((head) => /^CONNECT (\S+)/.exec(head)?.[1] ?? []),
    freeze() {
      isFrozen = true;
      for (const socket of sockets) socket.unpipe().pause();
    },
    kill,
    [Symbol.asyncDispose]: kill,
  };
}

/** Returns the connection to the receiver. What one side breaks off breaks the other. */
function letThrough(client: Socket, port: number): Socket {
  const receiver = connect(port, "127.0.0.1", () => {
    client.write("HTTP/1.1 200 Connection established\r\nproxy-agent: test\r\n\r\n");
    client.pipe(receiver).pipe(client);
  });
  receiver.on("close", () => client.destroy());
  client.on("close", () => receiver.destroy());
  return receiver;
}

/** As fast as it is read: the head of an answer without an end. */
function flood(client: Socket): void {
  const chunk = "x".repeat(65_536);
  const more = () => {
    while (!client.destroyed && client.write(chunk));
  };
  client.on("drain", more);
  client.write("HTTP/1.1 200 OK\r\nx-flood: ");
  more();
}
