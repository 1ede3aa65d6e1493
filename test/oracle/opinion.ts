/**
 * An independent opinion on the archive: DuckDB over the raw lines alone (opinion.sql), beside facts and reports.
 *
 *   copyArchive(bucket, folder) → <folder>/raw/v1/…       every segment under its own name
 *   Opinion.on(folder, policy)  → disputes, figures; differences from figures that somebody else has
 *
 * Keeps: nothing of src is imported here, not even a constant: the same function on both sides proves nothing.
 */
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";
import { DIMENSIONS, type FigureRow, type FigureWindow, type LatePolicy, METRICS, WINDOWS } from "./figure-rows.ts";

export type Dispute = { readonly place: string; readonly event: string; readonly what: string };

const SQL = new URL("./opinion.sql", import.meta.url);

type Bucket = {
  list(options: { prefix: string; cursor?: string }): Promise<{
    readonly objects: readonly { readonly key: string }[];
    readonly truncated: boolean;
    readonly cursor?: string;
  }>;
  get(key: string): Promise<{ arrayBuffer(): Promise<ArrayBuffer> } | null>;
};

/** Copies the raw segments, but for those that are named; answers how many there were. */
export async function copyArchive(bucket: Bucket, folder: string, except: readonly string[] = []): Promise<number> {
  let copied = 0;
  for (let cursor: string | undefined, isWhole = false; !isWhole; ) {
    const listed = await bucket.list({ prefix: "raw/v1/", ...(cursor === undefined ? {} : { cursor }) });
    for (const { key } of listed.objects.filter((one) => !except.includes(one.key))) {
      const object = await bucket.get(key);
      if (object === null) throw new Error(`${key} was listed and is not there`);
      await putFile(folder, key, new Uint8Array(await object.arrayBuffer()));
      copied++;
    }
    isWhole = !listed.truncated;
    cursor = listed.cursor;
  }
  return copied;
}

export async function putFile(folder: string, key: string, bytes: Uint8Array): Promise<void> {
  await mkdir(dirname(join(folder, key)), { recursive: true });
  await writeFile(join(folder, key), bytes);
}

export class Opinion {
  readonly #ask: (sql: string) => Promise<Record<string, unknown>[]>;

  private constructor(ask: (sql: string) => Promise<Record<string, unknown>[]>) {
    this.#ask = ask;
  }

  /** Forms the opinion on the segments in the folder, and hands it to `use`. */
  static async on<T>(folder: string, policy: LatePolicy, use: (opinion: Opinion) => Promise<T>): Promise<T> {
    const instance = await DuckDBInstance.create(":memory:", { threads: "1" });
    const connection = await instance.connect();
    try {
      await connection.run(`SET VARIABLE raw = '${join(folder, "raw/v1").replaceAll("'", "''")}'`);
      await connection.run(`SET VARIABLE late_mode = '${policy.mode === "accept" ? "accept" : "review"}'`);
      await connection.run(`SET VARIABLE allowed_lateness_s = ${Number(policy.allowedLatenessSeconds)}`);
      const statements = await connection.extractStatements(await readFile(SQL, "utf8"));
      for (let at = 0; at < statements.count; at++) await (await statements.prepare(at)).run();
      const ask = async (sql: string) => {
        const reader = await connection.runAndReadAll(sql);
        return reader.getRowObjectsJson() as Record<string, unknown>[];
      };
      return await use(new Opinion(ask));
    } finally {
      connection.closeSync();
      instance.closeSync();
    }
  }

  async lines(): Promise<number> {
    const [row] = await this.#ask("SELECT count(*)::INTEGER AS lines FROM lines");
    return Number(row?.["lines"]);
  }

  /** Lines that say something else than they should, the first thousand. */
  async disputes(): Promise<Dispute[]> {
    return (await this.#ask("FROM disputes ORDER BY place, event LIMIT 1000")) as Dispute[];
  }

  /** Sums over everything, as decimal strings. */
  async totals(): Promise<Record<string, string>> {
    const sums = METRICS.map((metric) => `coalesce(sum(${metric}), 0)::VARCHAR AS ${metric}`);
    return ((await this.#ask(`SELECT ${sums} FROM figures`))[0] ?? {}) as Record<string, string>;
  }

  /**
   * What differs from these rows, by window and all dimensions: `window` is their window's number since 1970. Rows of
   * one key are added up, rows of zeros are none.
   */
  differencesFrom(rows: readonly FigureRow[], window: FigureWindow): Promise<Record<string, unknown>[]> {
    const keys = [...DIMENSIONS, `"window"`];
    const sums = METRICS.map((metric) => `sum(${metric}) AS ${metric}`);
    const isSome = `HAVING ${METRICS.map((metric) => `sum(${metric}) <> 0`).join(" OR ")}`;
    const ours = `SELECT ${DIMENSIONS}, minute // ${WINDOWS[window]} AS "window", ${sums} FROM figures
      GROUP BY ${DIMENSIONS}, minute // ${WINDOWS[window]} ${isSome}`;
    const columns = { ...typed(DIMENSIONS, "VARCHAR"), ...typed(METRICS, "HUGEINT"), window: "BIGINT" };
    return this.#compare(ours, rows, columns, (file) => `SELECT ${keys}, ${sums} FROM ${file} GROUP BY ALL ${isSome}`);
  }

  /** The same of reasons, by minute, advertiser, campaign, ad group, ad and reason. */
  reasonDifferencesFrom(rows: readonly FigureRow[]): Promise<Record<string, unknown>[]> {
    const keys = [...DIMENSIONS.slice(0, 4), "minute", "reason"];
    const columns = { ...typed(keys, "VARCHAR"), minute: "BIGINT", requests: "HUGEINT" };
    const sum = `SELECT ${keys}, sum(requests) AS requests`;
    const having = "GROUP BY ALL HAVING sum(requests) <> 0";
    return this.#compare(`${sum} FROM reasons ${having}`, rows, columns, (file) => `${sum} FROM ${file} ${having}`);
  }

  async #compare(
    ours: string,
    rows: readonly FigureRow[],
    columns: Readonly<Record<string, string>>,
    theirs: (file: string) => string,
  ): Promise<Record<string, unknown>[]> {
    const folder = await mkdtemp(join(tmpdir(), "clickledger-opinion-"));
    try {
      const path = join(folder, "rows.ndjson");
      await writeFile(path, `${rows.map((row) => JSON.stringify(row)).join("\n")}\n`);
      const spelled = Object.entries(columns).map(([name, type]) => `'${name}': '${type}'`);
      const file = `read_ndjson('${path}', columns = {${spelled}})`;
      return await this.#ask(`
        WITH ours AS (${ours}), theirs AS (${theirs(file)})
        SELECT 'opinion' AS side, * FROM (SELECT * FROM ours EXCEPT SELECT * FROM theirs)
        UNION ALL
        SELECT 'compared', * FROM (SELECT * FROM theirs EXCEPT SELECT * FROM ours)
        ORDER BY ALL LIMIT 1000`);
    } finally {
      await rm(folder, { recursive: true });
    }
  }
}

function typed(names: readonly string[], type: string): Record<string, string> {
  return Object.fromEntries(names.map((name) => [name, type]));
}
