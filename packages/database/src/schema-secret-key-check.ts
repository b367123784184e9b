import type { ColumnType, Generated } from "kysely";

interface SecretKeyCheckTable {
  is_only: Generated<boolean>;
  check_value: Buffer;
  created_at: Generated<ColumnType<Date, Date | string, Date | string>>;
}

/** The schemas that hold such a table: those of the services that are given SECRET_KEY. */
export type KeySchema = "ingest" | "validation" | "delivery";

export type SecretKeyCheckTables = {
  [Schema in KeySchema as `${Schema}.secret_key_check`]: SecretKeyCheckTable;
};
