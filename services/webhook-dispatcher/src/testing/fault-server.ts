import { once } from "node:events";
import { createServer as createTcpServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";

import { faultCertificates } from "./fault-certificates.ts";
import { type FaultName, faults } from "./faults.ts";

export interface SeenRequest {
  /** Such as `ok` for a request to `/ok`. */
  readonly fault: string;
  readonly head: string;
  readonly body: string;
}

/** A receiver that misbehaves, over plain and broken TLS, IPv4 and IPv6. */
export interface FaultServer extends AsyncDisposable {
  /** `host`: where to look for it instead of 127.0.0.1; for tests that play the name server. */
  url(fault: FaultName, host?: string): string;
  /** Only on `::1`. */
  ipv6Url(fault: FaultName): string;
  /** `mute`: takes the connection and never answers the handshake. */
  tlsUrl(certificate: "expired" | "selfSigned" | "wrongHost" | "mute"): string;
  readonly requests: readonly SeenRequest[];
  /** Opened so far, on every port. */
  connections(): number;
}

const HEAD_END = "\r\n\r\n";

export async function startFaultServer(): Promise<FaultServer> {
  await using undo = new AsyncDisposableStack();
  const requests: SeenRequest[] = [];
  let connections = 0;

  function serve(socket: Socket): void {
    // Whoever gives up on us resets the connection.
    socket.on("error", () => {});
    readRequests(socket, (request) => {
      requests.push(request);
      const fault = isFaultName(request.fault) ? faults[request.fault] : faults.refused;
      fault(socket);
    });
  }

  async function listen(server: Server, host = "127.0.0.1"): Promise<number> {
    const sockets = new Set<Socket>();
    server.on("connection", (socket: Socket) => {
      connections += 1;
      sockets.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => sockets.delete(socket));
    });
    server.listen(0, host);
    await once(server, "listening");
    undo.defer(async () => {
      server.close();
      for (const socket of sockets) socket.destroy();
      await once(server, "close");
    });
    const address = server.address();
    if (typeof address !== "object" || address === null) throw new Error("no port");
    return address.port;
  }

  const plain = await listen(createTcpServer(serve));
  const ipv6 = await listen(createTcpServer(serve), "::1");
  const tls = {
    expired: await listen(createTlsServer(faultCertificates.expired, serve)),
    selfSigned: await listen(createTlsServer(faultCertificates.selfSigned, serve)),
    wrongHost: await listen(createTlsServer(faultCertificates.wrongHost, serve)),
    mute: await listen(createTcpServer(() => {})),
  };
  const started = undo.move();
  return {
    url: (fault, host = "127.0.0.1") => `http://${host}:${plain}/${fault}`,
    ipv6Url: (fault) => `http://[::1]:${ipv6}/${fault}`,
    tlsUrl: (certificate) => `https://127.0.0.1:${tls[certificate]}/ok`,
    requests,
    connections: () => connections,
    [Symbol.asyncDispose]: () => started.disposeAsync(),
  };
}

function isFaultName(name: string): name is FaultName {
  return Object.hasOwn(faults, name);
}

/** Calls back with every request on the connection once its body is there. */
function readRequests(socket: Socket, onRequest: (request: SeenRequest) => void): void {
  let pending = "";
  socket.setEncoding("latin1");
  socket.on("data", (text: string) => {
    pending += text;
    for (;;) {
      const bodyStart = pending.indexOf(HEAD_END) + HEAD_END.length;
      if (bodyStart < HEAD_END.length) return;
      const head = pending.slice(0, bodyStart);
      const end = bodyStart + Number(/\r\ncontent-length: (\d+)/i.exec(head)?.[1] ?? 0);
      if (pending.length < end) return;
      const body = Buffer.from(pending.slice(bodyStart, end), "latin1").toString("utf8");
      pending = pending.slice(end);
      onRequest({ fault: /^POST \/(\w*)/.exec(head)?.[1] ?? "", head, body });
    }
  });
}
