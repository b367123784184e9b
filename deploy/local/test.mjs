import { launch } from "./bootstrap.mjs";

await launch("deploy/local/test.ts");
