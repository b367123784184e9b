/** Headers a customer wants on his webhooks, names in lower case. */
export type CustomHeaders = Readonly<Record<string, string>>;

const HEADERS_MAX = 20;
const NAME_LENGTH_MAX = 64;
const VALUE_LENGTH_MAX = 1_024;
/** RFC 9110's token, and what may stand in a value without being folded or escaped. */
const NAME = /^[a-z0-9!#$%&'*+.^_`|~-]+$/;
const VALUE = /^[\x20-\x7e]*$/;

/**
 * Ours, or about the connection and the body, which are ours. A customer's header must neither
 * forge a signature nor split a request.
 */
const DENIED_NAMES = new Set(
  `accept accept-encoding baggage connection cookie date expect forwarded host keep-alive origin
  referer set-cookie te trace traceparent tracestate trailer transfer-encoding upgrade user-agent
  via`.split(/\s+/),
);
const DENIED_PREFIXES = [
  "webhook-",
  "svix-",
  "content-",
  "proxy-",
  "sec-",
  "access-control-",
  "ce-",
  "nats-",
  "valify-",
  "x-forwarded-",
  "x-webhook-",
];

export type HeadersVerdict =
  | { readonly kind: "accepted"; readonly headers: CustomHeaders }
  | { readonly kind: "refused"; readonly reason: string };

/** Header names are case-insensitive, so two spellings of one are one too many. */
export function judgeHeaders(given: Readonly<Record<string, string>>): HeadersVerdict {
  const names = Object.keys(given);
  if (names.length > HEADERS_MAX) return refuse(`at most ${HEADERS_MAX} headers`);
  const headers = new Map<string, string>();
  for (const [spelled, value] of Object.entries(given)) {
    const name = spelled.toLowerCase();
    if (!NAME.test(name) || name.length > NAME_LENGTH_MAX) {
      return refuse("a header's name is no token of at most 64 characters");
    }
    if (isDenied(name)) return refuse(`${name} is set by us or by the connection`);
    if (headers.has(name)) return refuse(`${name} is given twice`);
    if (!VALUE.test(value) || value.length > VALUE_LENGTH_MAX) {
      return refuse(`the value of ${name} is not up to 1024 visible ASCII characters`);
    }
    headers.set(name, value);
  }
  return { kind: "accepted", headers: Object.fromEntries(headers) };
}

function isDenied(name: string): boolean {
  return DENIED_NAMES.has(name) || DENIED_PREFIXES.some((prefix) => name.startsWith(prefix));
}

function refuse(reason: string): HeadersVerdict {
  return { kind: "refused", reason };
}

/** What an answer shows instead of a value that is likely to be a secret. */
export const MASK = "********";
const SECRET_NAME = /auth|token|secret|key|password|signature|session|credential/;

export function maskHeaders(headers: CustomHeaders): CustomHeaders {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, SECRET_NAME.test(name) ? MASK : value]),
  );
}

/** A masked value that comes back is the stored one: whoever edits a form sends what he was shown. */
export function unmaskHeaders(headers: CustomHeaders, stored: CustomHeaders): CustomHeaders {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [
      name,
      value === MASK ? (stored[name] ?? value) : value,
    ]),
  );
}
