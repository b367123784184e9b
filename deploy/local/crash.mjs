import { launch } from "./bootstrap.mjs";

await launch("test/crash/main.ts");
