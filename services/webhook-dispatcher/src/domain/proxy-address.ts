/** Where requests leave by. `authorization` is a secret, and a name that no log shows. */
export interface ProxyAddress {
  /** Whether the proxy itself is spoken to over TLS; what goes through it is another matter. */
  readonly isTls: boolean;
  readonly hostname: string;
  readonly port: number;
  readonly authorization: string | null;
}

const PORT_OF_HTTP = 80;
const PORT_OF_HTTPS = 443;

/** Reads `http://user:password@proxy.internal:3128`; undefined for what is no proxy's address. */
export function parseProxyUrl(text: string): ProxyAddress | undefined {
  const url = URL.parse(text);
  if (url === null || (url.protocol !== "http:" && url.protocol !== "https:")) return undefined;
  // A proxy has no paths: somebody means something that we would not do.
  if (url.pathname !== "/" || url.search !== "" || url.hash !== "") return undefined;
  const authorization = authorizationOf(url);
  if (authorization === undefined) return undefined;
  const isTls = url.protocol === "https:";
  const hostname = url.hostname.replace(/^\[|\]$/g, "");
  const port = url.port === "" ? (isTls ? PORT_OF_HTTPS : PORT_OF_HTTP) : Number(url.port);
  return { isTls, hostname, port, authorization };
}

/** As in a request line: an IPv6 address needs brackets there. */
export function authorityOf(address: string, port: number): string {
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}

/** Null: it asks for none. */
function authorizationOf({ username, password }: URL): string | null | undefined {
  if (username === "" && password === "") return null;
  try {
    const user = decodeURIComponent(username);
    // A user's name ends at the first colon.
    if (user.includes(":")) return undefined;
    const credentials = Buffer.from(`${user}:${decodeURIComponent(password)}`);
    return `Basic ${credentials.toString("base64")}`;
  } catch {
    return undefined; // a stray %
  }
}
