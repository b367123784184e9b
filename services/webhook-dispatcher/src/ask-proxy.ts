import type { IncomingMessage } from "node:http";
import { request as requestByHttp } from "node:http";
import { request as requestByHttps } from "node:https";
import { isIP, type LookupFunction, type Socket } from "node:net";

import type { ProxyAddress } from "./domain/proxy-address.ts";

export interface ProxyQuestion {
  readonly method: "CONNECT" | "OPTIONS";
  /** Of the request line: an address and its port, or `*`. */
  readonly target: string;
  readonly timeoutMs: number;
  /** Finds the proxy itself. */
  readonly lookup: LookupFunction;
}

export interface ProxyAnswer {
  readonly statusCode: number;
  readonly proxyStatus: string;
  /** Whoever asked ends it. What came after the answer's head is still to be read from it. */
  readonly socket: Socket;
}

/** No answer from the proxy: it was not reached, it kept silent, or what it said was no answer. */
export class NoProxyAnswerError extends Error {
  override readonly name = "NoProxyAnswerError";
  readonly stage: "unreached" | "silent" | "broken";

  constructor(stage: NoProxyAnswerError["stage"], cause?: unknown) {
    super(`the proxy was ${stage}`, { cause });
    this.stage = stage;
  }
}

/** Of an answer's head. An endless one costs its connection, not our memory. */
const HEAD_BYTES_MAX = 16 * 1_024;

/** One request to the proxy itself, on a connection of its own. */
export function askProxy(proxy: ProxyAddress, question: ProxyQuestion): Promise<ProxyAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<ProxyAnswer>();
  const { method, target, timeoutMs, lookup } = question;
  let isReached = false;
  const request = (proxy.isTls ? requestByHttps : requestByHttp)({
    host: proxy.hostname,
    port: proxy.port,
    // Otherwise taken from the header `host`, which is not the proxy's.
    servername: isIP(proxy.hostname) === 0 ? proxy.hostname : "",
    method,
    path: target,
    headers: {
      host: target === "*" ? proxy.hostname : target,
      // A tunnel is to stay; told that the connection ends, some proxies would end it.
      connection: method === "CONNECT" ? "keep-alive" : "close",
      ...(proxy.authorization !== null && { "proxy-authorization": proxy.authorization }),
    },
    agent: false,
    lookup,
    maxHeaderSize: HEAD_BYTES_MAX,
  });

  function fail(stage: NoProxyAnswerError["stage"], cause?: unknown): void {
    reject(new NoProxyAnswerError(isReached ? stage : "unreached", cause));
    request.destroy();
  }
  const timer = setTimeout(fail, timeoutMs, "silent");

  function settle(response: IncomingMessage, socket: Socket): void {
    clearTimeout(timer);
    // The client lets go of it here, and an error that nobody hears ends the process.
    socket.on("error", () => {});
    const proxyStatus = response.headers["proxy-status"];
    resolve({
      statusCode: response.statusCode ?? 0,
      proxyStatus: Array.isArray(proxyStatus) ? proxyStatus.join() : (proxyStatus ?? ""),
      socket,
    });
  }

  request.once("socket", (socket) => {
    socket.once(proxy.isTls ? "secureConnect" : "connect", () => (isReached = true));
  });
  request.once("connect", (response, socket, rest) => {
    if (rest.length > 0) socket.unshift(rest);
    settle(response, socket);
  });
  request.once("response", (response) => settle(response, response.socket));
  request.on("error", (error) => {
    clearTimeout(timer);
    fail("broken", error);
  });
  request.end();
  return promise;
}
