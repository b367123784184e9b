/** What a browser says of where a request comes from. */
export interface RequestOrigin {
  readonly secFetchSite: string | undefined;
  readonly origin: string | undefined;
  readonly host: string | undefined;
}

/**
 * - `same`: one of our own pages sent it.
 * - `foreign`: a browser says that another site did.
 * - `unknown`: no browser speaks: neither header is there.
 */
export type OriginVerdict = "same" | "foreign" | "unknown";

/**
 * Browsers set `Sec-Fetch-Site` by themselves, but only towards https and localhost; `Origin` is
 * the fallback. No page can forge either.
 */
export function judgeOrigin({ secFetchSite, origin, host }: RequestOrigin): OriginVerdict {
  if (secFetchSite !== undefined) return secFetchSite === "same-origin" ? "same" : "foreign";
  if (origin === undefined) return "unknown";
  return host !== undefined && URL.parse(origin)?.host === host ? "same" : "foreign";
}
