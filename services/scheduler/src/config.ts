import { commonSettings, parseConfig, setting } from "@valify/runtime";

export const readConfig = (env: Readonly<Record<string, string | undefined>>) =>
  parseConfig({ ...commonSettings, PORT: setting.port.default(8082) }, env);
