/**
 * What a flush works with: its ports, what a session of it has learned, and the places up to which a log is carried.
 *
 *   archived ≤ last     posted ≤ visible ≤ last     carried: the lower of archived and posted
 */
import type { Life } from "../archive/head.ts";
import type { Facts } from "../core/facts.ts";
import type { Position } from "../core/position.ts";
import { type FactsStore, isSameLedgerRow } from "../facts/facts-store.ts";
import type { OpenFold, PostedMark } from "../facts/post.ts";
import { type DeadPosting, Refusals } from "../facts/post-apart.ts";
import type { OperationsDataset } from "../operations.ts";
import type { PackedKeyIndex } from "./packed-key-index.ts";
import type { RecoveryPorts } from "./recovery.ts";

export type PackedKeys = Pick<PackedKeyIndex, "transaction" | "packedTo" | "freshCount" | "pack" | "merge">;

export type FlushPorts = Omit<RecoveryPorts, "reports"> & {
  readonly reports: {
    readonly byName: ReadonlyMap<string, FactsStore>;
    readonly assign: (advertiserIds: readonly string[]) => Promise<ReadonlyMap<string, string>>;
  };
  readonly operations: OperationsDataset;
  /** Is told the facts of each posting. */
  readonly watch?: ((posted: Facts) => void) | undefined;
  /** Keys that stand beside rows of the log until they are packed. */
  readonly keys?: PackedKeys | undefined;
  /** Drops what is past its horizon at that instant; in the same transaction as the trim. */
  readonly forget: (nowMs: number) => void;
  /** Keeps what a database refuses (facts/post-apart.ts); durable when it resolves. */
  readonly bury: (dead: DeadPosting) => Promise<void>;
};

export type FlushSettings = {
  readonly archiveIntervalMs: number;
  /** How old the oldest row gets before what is shown is posted. */
  readonly postIntervalMs: number;
  /** Characters of log that may wait for their posting; never more than one read brings. */
  readonly postCharsMax?: number;
};

/** A fold that is not posted, when its oldest row was logged, and the characters of its rows. */
export type SinceFold = OpenFold & { readonly sinceMs: number; readonly chars: number };

/** What a database shows beside its facts: up to where, and behind which row of its ledger. */
export type Shown = { readonly at: Position; readonly on: PostedMark["ledger"] };

/** What a session has learned: which databases were compared with their ledgers, and what they refuse and show. */
export class FlushSession {
  readonly checked = new Set<string>();
  readonly refusals = new Refusals();
  /** The lives of the log, once the storage was compared with its archive; null before. */
  lives: readonly Life[] | null = null;
  /** What is folded and not posted. */
  open: SinceFold | null = null;
  /** When it is due, as of the last flush. */
  postDueMs = 0;
  /** It could not be shown. */
  isUnshowable = false;
  readonly shown = new Map<string, Shown>();
}

/** Up to where every report database has the log; a database that was never posted to has nothing of it. */
export function postedPlace({ log, reports }: Pick<FlushPorts, "log" | "reports">): Position {
  const base = log.life().read()?.base ?? log.tail();
  const places = Array.from(reports.byName.keys(), (name) => log.posted(name).read()?.at ?? base);
  return places.reduce((a, b) => (b.seq < a.seq ? b : a), places[0] ?? base);
}

/** Up to where every report database shows the log, posted or not. */
export function visiblePlace(ports: Pick<FlushPorts, "log" | "reports">, session: FlushSession): Position {
  const base = ports.log.life().read()?.base ?? ports.log.tail();
  const places = Array.from(ports.reports.byName.keys(), (name): Position => {
    const { at, ledger } = ports.log.posted(name).read() ?? { at: base, ledger: null };
    const shown = session.shown.get(name);
    return shown !== undefined && shown.at.seq > at.seq && isSameLedgerRow(shown.on, ledger) ? shown.at : at;
  });
  return places.reduce((a, b) => (b.seq < a.seq ? b : a), places[0] ?? postedPlace(ports));
}

export function archivedPlace({ log }: Pick<FlushPorts, "log">): Position {
  return log.archived().read() ?? log.life().read()?.base ?? log.tail();
}

/** Up to where every sink has the log. */
export function carriedPlace(ports: Pick<FlushPorts, "log" | "reports">): Position {
  const posted = postedPlace(ports);
  const archived = archivedPlace(ports);
  return archived.seq < posted.seq ? archived : posted;
}
