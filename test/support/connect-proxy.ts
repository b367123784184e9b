import { once } from "node:events";
import { createServer } from "node:http";
import { connect, type Socket } from "node:net";

export interface ConnectProxy extends AsyncDisposable {
  /** With the name and the password that it asks for. */
  readonly url: string;
  /** Where it was asked to go, and went. */
  readonly targets: readonly string[];
  /** Every connection breaks and no new one is taken. */
  kill(): Promise<void>;
}

/** An outbound proxy as one finds it in closed networks: CONNECT alone, and for its own people. */
export async function startConnectProxy(password: string): Promise<ConnectProxy> {
  const targets: string[] = [];
  const sockets = new Set<Socket>();
  const credentials = `Basic ${Buffer.from(`valify:${password}`).toString("base64")}`;
  const keep = (socket: Socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
  };

  const server = createServer((_request, response) => response.writeHead(405).end());
  server.on("connection", keep);
  server.on("connect", ({ url = "", headers }, client: Socket) => {
    if (headers["proxy-authorization"] !== credentials) {
      client.end("HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n");
      return;
    }
    targets.push(url);
    const { hostname, port } = new URL(`http://${url}`);
    const receiver = connect(Number(port || 80), hostname, () => {
      client.write("HTTP/1.1 200 Connection established\r\n\r\n");
      client.pipe(receiver).pipe(client);
    });
    keep(receiver);
    receiver.on("close", () => client.destroy());
    client.on("close", () => receiver.destroy());
  });
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

  const url = `http://valify:${password}@127.0.0.1:${address.port}`;
  return { url, targets, kill, [Symbol.asyncDispose]: kill };
}
