import type { Socket } from "node:net";

import type { FastifyInstance } from "fastify";

/** Well before the process is ended the hard way: what was answered is to reach its client. */
const CLOSE_DEADLINE_MS = 10_000;

/**
 * Makes `app.close()` end. It waits for requests under way, but Node also waits for connections on
 * which nothing was ever sent, and browsers open some ahead: those end at once, the rest at the
 * deadline.
 */
export function boundClose(app: FastifyInstance, deadlineMs: number = CLOSE_DEADLINE_MS): void {
  const sockets = new Set<Socket>();
  app.server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  app.addHook("preClose", async () => {
    for (const socket of sockets) if (socket.bytesRead === 0) socket.destroy();
    setTimeout(() => {
      for (const socket of sockets) socket.destroy();
    }, deadlineMs).unref();
  });
}
