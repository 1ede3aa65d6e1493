/**
 * What an account of the stand-in holds: databases, buckets, queues and Workers, as calls have made them.
 *
 * Keeps: databases are SQLite and run the SQL that they are sent. A name is taken once; that of a bucket, once in each
 * jurisdiction. Where a thing is kept is said when it is made, and never again.
 */
import { randomUUID } from "node:crypto";
import { DatabaseSync } from "node:sqlite";
import { Refusal } from "./refusal.ts";

export type Rule = Record<string, unknown> & { readonly id: string };
/** A jurisdiction, or null: anywhere. */
export type Place = string | null;
export type Database = {
  readonly uuid: string;
  readonly name: string;
  readonly jurisdiction: Place;
  readonly sqlite: DatabaseSync;
};
export type Bucket = {
  readonly name: string;
  readonly jurisdiction: Place;
  lifecycle: Rule[];
  locks: Rule[];
  readonly objects: Map<string, Buffer>;
};
export type Consumer = { readonly consumer_id: string } & Record<string, unknown>;
export type Queue = {
  readonly queue_id: string;
  readonly queue_name: string;
  readonly jurisdiction: Place;
  settings: { message_retention_period: number; delivery_delay?: number; delivery_paused?: boolean };
  consumers: Consumer[];
};
export type Binding = { readonly type: string; readonly name: string } & Record<string, unknown>;
export type Script = {
  readonly name: string;
  /** The newest last. */
  readonly versions: Version[];
  readonly secrets: Map<string, string>;
  schedules: { cron: string }[];
  isOnWorkersDev: boolean;
  migrationTag: string | undefined;
};
export type Version = {
  readonly id: string;
  readonly atMs: number;
  readonly bindings: readonly Binding[];
  readonly annotations: Readonly<Record<string, string>>;
  readonly modules: ReadonlyMap<string, string>;
};

export class Account {
  readonly databases: Database[] = [];
  readonly buckets: Bucket[] = [];
  readonly queues: Queue[] = [];
  readonly scripts = new Map<string, Script>();
  readonly workflows = new Map<string, Record<string, unknown>>();
  readonly datasets = new Set<string>();
  /** Parts of paths that the token may not use, as `/queues`. */
  readonly forbidden = new Set<string>();
  subdomain: string | null = "acme";
  /** Whether it has the paid plan of Workers, which queues, objects and CPU beyond 10 ms need. */
  isPaid = true;

  assertScope({ path }: { readonly path: string }): void {
    for (const part of this.forbidden)
      if (path.startsWith(part)) throw new Refusal(403, 10_000, "Authentication error");
  }

  addDatabase(name: string, jurisdiction: Place = null): Database {
    const made = { uuid: randomUUID(), name, jurisdiction, sqlite: new DatabaseSync(":memory:") };
    this.databases.push(made);
    return made;
  }

  addBucket(name: string, jurisdiction: Place = null): Bucket {
    const made: Bucket = { name, jurisdiction, lifecycle: [], locks: [], objects: new Map() };
    this.buckets.push(made);
    return made;
  }

  addQueue(name: string, settings: Partial<Queue["settings"]> = {}, jurisdiction: Place = null): Queue {
    const queue_id = randomUUID().replaceAll("-", "");
    const made: Queue = {
      ...{ queue_id, queue_name: name, jurisdiction, consumers: [] },
      settings: { message_retention_period: 345_600, ...settings },
    };
    this.queues.push(made);
    return made;
  }

  /** Plants a Worker of these bindings, as an upload would have left it. */
  addScript(name: string, bindings: readonly Binding[], annotations: Readonly<Record<string, string>> = {}): Script {
    const version = { id: randomUUID(), atMs: 0, bindings, annotations, modules: new Map() };
    const made: Script = {
      ...{ name, versions: [version], secrets: new Map(), schedules: [], isOnWorkersDev: true, migrationTag: "v1" },
    };
    this.scripts.set(name, made);
    return made;
  }

  database(name: string): Database {
    const found = this.databases.find((database) => database.name === name);
    if (found === undefined) throw new Error(`the stand-in has no database ${name}`);
    return found;
  }

  close(): void {
    for (const { sqlite } of this.databases) sqlite.close();
  }
}
