/**
 * Where a kill struck: read from copies of the files that the dead process left, before the next one repairs them.
 *
 * Keeps: the originals are not opened, since a reader would check their write-ahead logs in, which is workerd's to do.
 * Relies on: the layout of a local run's state (scripts/local-runtime.ts).
 */
import { existsSync, type FSWatcher, watch } from "node:fs";
import { cp, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

const SHARDS_FOLDERS = ["EventShard", "OrderShard", "CountsShard"].map((name) => `v3/do/clickledger-${name}`);
const DATABASE_FOLDER = "v3/d1/miniflare-D1DatabaseObject";
const ARCHIVE_FOLDER = "v3/r2/miniflare-R2BucketObject";

/** What stood half-way when the process died. */
export const WINDOWS = [
  "an unposted log",
  "a posting ahead of its cursor",
  "an unarchived log",
  "a segment ahead of its cursor",
] as const;
export type Window = (typeof WINDOWS)[number];

/** Resolves when the next write reaches the report database's, or the archive's, files; or after `timeoutMs`. */
export async function nextWrite(statePath: string, sink: "posting" | "segment", timeoutMs: number): Promise<void> {
  const folder = join(statePath, sink === "posting" ? DATABASE_FOLDER : ARCHIVE_FOLDER);
  let watcher: FSWatcher | undefined;
  let timer: NodeJS.Timeout | undefined;
  await new Promise<void>((resolve) => {
    timer = setTimeout(resolve, timeoutMs);
    watcher = watch(folder, (_, file) => {
      if (file?.endsWith("-wal") && !file.startsWith("metadata")) resolve();
    });
  });
  clearTimeout(timer);
  watcher?.close();
}

/** The windows that the kill struck. */
export async function readEvidence(statePath: string): Promise<Set<Window>> {
  const copy = await mkdtemp(join(tmpdir(), "clickledger-evidence-"));
  try {
    // A class has no folder before its first object.
    const shards = SHARDS_FOLDERS.filter((folder) => existsSync(join(statePath, folder)));
    for (const folder of [...shards, DATABASE_FOLDER, ARCHIVE_FOLDER]) {
      await cp(join(statePath, folder), join(copy, folder), {
        recursive: true,
        filter: (path) => !path.endsWith("-shm"),
      });
    }
    const posted = (await rowsOf(copy, DATABASE_FOLDER, SELECT_POSTINGS)).flat();
    const stored = (await rowsOf(copy, ARCHIVE_FOLDER, SELECT_SEGMENTS)).flat();
    const struck = new Set<Window>();
    for (const [shard] of await cursorsOf(copy, shards)) {
      if (shard === undefined) continue;
      const { incarnation, last_seq: lastSeq, posted: postedSeq, archived: archivedSeq } = shard;
      const postedTo = Math.max(0, ...posted.filter(isOf(incarnation)).map(({ seq_to: to }) => Number(to)));
      const storedTo = Math.max(0, ...stored.filter(isOf(incarnation)).map(({ seq_to: to }) => Number(to)));
      if (Number(lastSeq) > Number(postedSeq)) struck.add("an unposted log");
      if (Number(lastSeq) > Number(archivedSeq)) struck.add("an unarchived log");
      if (postedTo > Number(postedSeq)) struck.add("a posting ahead of its cursor");
      if (storedTo > Number(archivedSeq)) struck.add("a segment ahead of its cursor");
    }
    return struck;
  } finally {
    await rm(copy, { recursive: true, force: true });
  }
}

type Row = Readonly<Record<string, unknown>>;

const SELECT_POSTINGS = `SELECT source, seq AS seq_to FROM ledger`;
const SELECT_SEGMENTS = `
SELECT json_extract(custom_metadata, '$.source') AS source, max(CAST(json_extract(custom_metadata, '$.seqTo') AS INTEGER)) AS seq_to
FROM _mf_objects
WHERE key LIKE 'raw/v1/%'
GROUP BY 1`;
const SELECT_CURSORS = `
SELECT (SELECT value ->> 'incarnation' FROM mark WHERE name = 'life') AS incarnation,
  (SELECT max(seq) FROM log) AS last_seq,
  (SELECT value ->> '$.at.seq' FROM mark WHERE name LIKE 'posted/%') AS posted,
  (SELECT value ->> 'seq' FROM mark WHERE name = 'archived') AS archived`;

const isOf = (incarnation: unknown) => (row: Row) => String(row["source"]).endsWith(`/${incarnation}`);

async function cursorsOf(root: string, folders: readonly string[]): Promise<Row[][]> {
  return (await Promise.all(folders.map((folder) => rowsOf(root, folder, SELECT_CURSORS)))).flat();
}

/** The rows of `sql` in each database of the folder that has its tables. */
async function rowsOf(root: string, folder: string, sql: string): Promise<Row[][]> {
  const files = (await readdir(join(root, folder))).filter(
    (file) => file.endsWith(".sqlite") && !file.startsWith("metadata"),
  );
  return files.map((file) => {
    const database = new DatabaseSync(join(root, folder, file));
    try {
      return database.prepare(sql).all() as Row[];
    } catch (cause) {
      // A shard that was killed before its first commit has no tables yet.
      if ((cause as Error).message.startsWith("no such table")) return [];
      throw cause;
    } finally {
      database.close();
    }
  });
}
