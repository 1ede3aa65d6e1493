/**
 * The parts of the system that a simulation is put together from: the real ones by default. A mutant (mutants/) replaces
 * one of them by a broken one, and the checks must notice.
 *
 * Keeps: what is not replaced is the code that runs in production, or the in-memory implementation of its port.
 */

import type { ArchiveStore } from "../../src/archive/archive.ts";
import { handOver } from "../../src/audit/hand-over.ts";
import { checkImpression } from "../../src/core/claim-check.ts";
import { ok, type Result } from "../../src/core/result.ts";
import type { RevisionOutcome } from "../../src/core/revision.ts";
import type { Topology } from "../../src/core/routing.ts";
import type { LatePolicy } from "../../src/core/verdict.ts";
import type { FactsStore } from "../../src/facts/facts-store.ts";
import { Coalescer } from "../../src/queue/coalescer.ts";
import { consumeEvents } from "../../src/queue/consumer.ts";
import { drainSpool } from "../../src/queue/spool.ts";
import { flush, forgetEvents } from "../../src/shard/flush.ts";
import { GroupCommit, type GroupPorts } from "../../src/shard/group-commit.ts";
import { type Arrival, type Ingested, type IngestPorts, ingest } from "../../src/shard/ingest.ts";
import { type KeyIndexPorts, PackedKeyIndex } from "../../src/shard/packed-key-index.ts";
import { rememberEntries } from "../../src/shard/remember.ts";
import { type RevisedBy, type RevisePorts, type RevisionRequest, reviseEvent } from "../../src/shard/revise.ts";
import type { SubmissionBook } from "../../src/shard/submission-book.ts";
import type { SubmitPorts, Submitted } from "../../src/shard/submit.ts";
import { type ConversionOutcome, rememberConversions, submitConversions } from "../../src/shard/submit-conversions.ts";
import { rememberCounts, submitCounts, type Upload, type UploadOutcome } from "../../src/shard/submit-counts.ts";
import { TopologyKeeper } from "../../src/shard/topology-keeper.ts";
import type { Timing } from "../../src/timing.ts";
import { MemoryFacts } from "../support/memory-facts.ts";
import type { Carrier } from "./carrier.ts";
import type { Chance } from "./chance.ts";
import type { Journal } from "./journal.ts";
import { MemoryArchive } from "./memory-archive.ts";
import { MemoryKeyStores } from "./memory-key-stores.ts";
import { type MemoryRow, MemoryShardLog } from "./memory-shard-log.ts";
import { MemorySubmissionBook } from "./storage.ts";

/** The report database: a facts store whose content can be read at the end. */
export type ReadableFacts = FactsStore & Pick<MemoryFacts, "read" | "shownTo" | "lates" | "copy">;
export type ReadableArchive = ArchiveStore & Pick<MemoryArchive, "segments" | "heads" | "lines">;

/** Storage that can be set back to what it was. */
export type Copyable = { copy(): () => void };

/** Runs a closure as one transaction of the shard's storage. */
export type Transact = <T>(closure: () => T) => T;

/** One ingest, transaction included. */
export type IngestPart = (
  arrivals: readonly Arrival[],
  ports: IngestPorts & { policy: LatePolicy; nowMs: number },
  transact: Transact,
) => Ingested;

/** One call of an object of submissions, transaction included. */
type SubmitPart<Submission, Outcome> = (
  submission: Submission,
  ports: SubmitPorts & { nowMs: number },
  transact: Transact,
) => Submitted<Outcome>;

/** One call of revisions, transaction included. */
export type RevisePart = (
  requests: readonly RevisionRequest[],
  ports: RevisePorts,
  at: RevisedBy & { readonly nowMs: number },
  transact: Transact,
) => { readonly decided: RevisionOutcome[]; readonly chars: number };

export type Keeper = { inForce(configured: Result<Topology, string>, nowMs: number): Promise<Topology> };

/** Ingest calls by shard name, and the names that there are: what a namespace is to its callers. */
export type ShardCalls = {
  readonly ingest: (name: string, encoded: string[], isAwaited?: boolean) => Promise<number>;
};

export type Parts = {
  readonly ingest: IngestPart;
  /** Made anew with each object: what it gathers is lost with it. */
  readonly makeGroup: (ports: GroupPorts<Arrival, number>) => Pick<GroupCommit<Arrival, number>, "submit">;
  readonly convert: SubmitPart<readonly string[], ConversionOutcome[]>;
  readonly upload: SubmitPart<Upload, UploadOutcome>;
  readonly revise: RevisePart;
  /** What the flush runner runs. */
  readonly flush: typeof flush;
  readonly forgetEvents: typeof forgetEvents;
  readonly rememberEntries: typeof rememberEntries;
  readonly rememberConversions: typeof rememberConversions;
  readonly rememberCounts: typeof rememberCounts;
  readonly makeLog: (journal: Journal, charsPerEvent: number, onCommit: (row: MemoryRow) => void) => MemoryShardLog;
  readonly makeKeyStores: (journal: Journal) => MemoryKeyStores;
  /** Made anew with each object: what it holds in memory is lost with it. */
  readonly makeIndex: (ports: KeyIndexPorts) => PackedKeyIndex;
  readonly makeBook: (journal: Journal) => SubmissionBook & Copyable;
  readonly makeFacts: () => ReadableFacts;
  readonly makeArchive: () => ReadableArchive;
  readonly makeCoalescer: (
    holdMs: number,
    timing: Timing,
    carrier: Carrier,
  ) => Pick<Coalescer, "enqueue" | "enqueueAwaited">;
  readonly makeKeeper: (bucket: R2Bucket) => Keeper;
  readonly consume: typeof consumeEvents;
  readonly drain: typeof drainSpool;
  /** How an audit checks the claims of one impression. */
  readonly checkImpression: typeof checkImpression;
  /** How an audit mends an event in the log of a shard that does not own it. */
  readonly handOver: typeof handOver;
  /** Stands between routing and the shards. */
  readonly route: (calls: ShardCalls, chance: Chance, topology: () => Topology, carrier: Carrier) => ShardCalls;
};

export const REAL_PARTS: Parts = {
  ingest: (arrivals, ports, transact) => transact(() => ingest(arrivals, ports)),
  makeGroup: (ports) => new GroupCommit(ports),
  convert: (encoded, ports, transact) => transact(() => submitConversions(encoded, ports, ports.nowMs)),
  upload: (upload, ports, transact) => transact(() => submitCounts(upload, ports, ports.nowMs)),
  revise: (requests, ports, at, transact) => {
    const revised = transact(() => requests.map((request) => reviseEvent(request, ports, at)));
    return {
      decided: revised.map(({ outcome }) => outcome),
      chars: revised.reduce((sum, { chars }) => sum + chars, 0),
    };
  },
  flush,
  forgetEvents,
  rememberEntries,
  rememberConversions,
  rememberCounts,
  makeLog: (journal, charsPerEvent, onCommit) => new MemoryShardLog(journal, charsPerEvent, onCommit),
  makeKeyStores: (journal) => new MemoryKeyStores(journal),
  makeIndex: (ports) => new PackedKeyIndex(ports),
  makeBook: (journal) => new MemorySubmissionBook(journal),
  makeFacts: () => new MemoryFacts(),
  makeArchive: () => new MemoryArchive(),
  makeCoalescer: (holdMs, timing, carrier) => new Coalescer(holdMs, timing, carrier.encode),
  makeKeeper: (bucket) => new TopologyKeeper(bucket),
  consume: consumeEvents,
  drain: drainSpool,
  checkImpression,
  handOver,
  route: (calls) => calls,
};

/** A configured topology as `readConfig` hands it over. */
export function configured(topology: Topology): Result<Topology, string> {
  return ok(topology);
}
