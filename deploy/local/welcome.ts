import { relative } from "node:path";

import { ROOT } from "./checkout.ts";
import type { KeptSecrets } from "./secrets.ts";
import { type Env, given } from "./start-options.ts";

/** What the services are told: the caller's own settings, else what is kept. */
export function credentialsOf(env: Env, { secrets }: Pick<KeptSecrets, "secrets">): Env {
  const { SECRET_KEY, BOOTSTRAP_API_KEY, ADMIN_EMAIL, ADMIN_PASSWORD } = secrets;
  return {
    SECRET_KEY: given(env, "SECRET_KEY") ?? SECRET_KEY,
    BOOTSTRAP_API_KEY: given(env, "BOOTSTRAP_API_KEY") ?? BOOTSTRAP_API_KEY,
    // A pair: an e-mail address of the caller's own has no business with our password.
    ...(hasOwnAdmin(env) ? {} : { ADMIN_EMAIL, ADMIN_PASSWORD }),
  };
}

/** The address and the first-run credentials. A secret is shown once; later it is said where it is. */
export function welcome(url: string, env: Env, kept: KeptSecrets): readonly string[] {
  const { secrets, file, isFirstRun, isNewAdmin } = kept;
  const shown = relative(ROOT, file).startsWith("..") ? file : `./${relative(ROOT, file)}`;
  const isOwn = given(env, "BOOTSTRAP_API_KEY") !== undefined;
  const key = isFirstRun ? secrets.BOOTSTRAP_API_KEY : `(as BOOTSTRAP_API_KEY in ${shown})`;
  const read = `$(node -p "require('${shown}').BOOTSTRAP_API_KEY")`;
  const password = isNewAdmin
    ? secrets.ADMIN_PASSWORD
    : `(as ADMIN_PASSWORD in ${shown}, unless changed since)`;
  const admin = hasOwnAdmin(env)
    ? "the one in ADMIN_EMAIL and ADMIN_PASSWORD"
    : `${secrets.ADMIN_EMAIL}, password ${password}`;
  return [
    "",
    `Valify Batch is ready: ${url}/batch_admin`,
    `  Sign in: ${admin}`,
    `  API key: ${isOwn ? "the one in BOOTSTRAP_API_KEY" : key}`,
    `  Upload:  curl -H "Authorization: Bearer ${isOwn ? "$BOOTSTRAP_API_KEY" : read}" -F file=@docs/sample-leads.csv ${url}/upload_batch`,
    "  Stop:    Ctrl-C",
    "",
  ];
}

function hasOwnAdmin(env: Env): boolean {
  return given(env, "ADMIN_EMAIL") !== undefined || given(env, "ADMIN_PASSWORD") !== undefined;
}
