/**
 * A closed-loop HTTP/1.1 load generator on raw sockets: cheap enough to leave the other core to the server.
 *
 *   connections × depth requests are under way at any time, from a list that is walked round and round
 *
 * Keeps: loopback only; bounded by a count of requests, a duration, or both. Every answer is parsed far enough to count
 * its status. Relies on: answers carry Content-Length, as workerd's do.
 */
import { connect } from "node:net";

export type LoadOptions = {
  readonly url: string;
  /** Whole requests, ready to be written. */
  readonly requests: readonly Buffer[];
  readonly connections: number;
  /** Requests under way on one connection. */
  readonly depth: number;
  readonly count?: number;
  readonly durationMs?: number;
  /** Where in `requests` to begin. */
  readonly offset?: number;
};

export type LoadResult = {
  readonly answered: number;
  readonly seconds: number;
  readonly byStatus: ReadonlyMap<number, number>;
};

const LOOPBACK = "127.0.0.1";
const HEAD_END = Buffer.from("\r\n\r\n");
const STATUS_AT = "HTTP/1.1 ".length;

/** Drives the load; resolves when every request sent has its answer. Rejects when a connection breaks. */
export async function driveLoad(options: LoadOptions): Promise<LoadResult> {
  const { count = Number.POSITIVE_INFINITY, durationMs = Number.POSITIVE_INFINITY, offset = 0 } = options;
  const state = { sent: 0, answered: 0, byStatus: new Map<number, number>() };
  const startMs = performance.now();
  const next = (): Buffer | null => {
    if (state.sent >= count || performance.now() - startMs >= durationMs) return null;
    return options.requests[(offset + state.sent++) % options.requests.length] ?? null;
  };
  const onAnswer = (status: number) => {
    state.answered++;
    state.byStatus.set(status, (state.byStatus.get(status) ?? 0) + 1);
  };
  const port = Number(new URL(options.url).port);
  const lanes = Array.from({ length: options.connections }, () =>
    runLane({ port, depth: options.depth, next, onAnswer }),
  );
  await Promise.all(lanes);
  const { answered, byStatus } = state;
  return { answered, byStatus, seconds: (performance.now() - startMs) / 1_000 };
}

type Lane = {
  readonly port: number;
  readonly depth: number;
  readonly next: () => Buffer | null;
  readonly onAnswer: (status: number) => void;
};

function runLane({ port, depth, next, onAnswer }: Lane): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: LOOPBACK, noDelay: true });
    let waiting = 0;
    let rest: Buffer = Buffer.alloc(0);
    const fill = () => {
      const batch: Buffer[] = [];
      for (; waiting < depth; waiting++) {
        const request = next();
        if (request === null) break;
        batch.push(request);
      }
      if (batch.length > 0) socket.write(batch.length === 1 ? (batch[0] as Buffer) : Buffer.concat(batch));
      if (waiting === 0) socket.end();
    };
    socket.on("connect", fill);
    socket.on("data", (chunk: Buffer) => {
      rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
      const taken = takeAnswers(rest, (status) => {
        waiting--;
        onAnswer(status);
      });
      rest = rest.subarray(taken);
      fill();
    });
    socket.on("error", reject);
    socket.on("close", () => (waiting === 0 ? resolve() : reject(new Error("the server closed a busy connection"))));
  });
}

/** Calls `onAnswer` for every whole answer in `bytes`; returns how many bytes those take. */
function takeAnswers(bytes: Buffer, onAnswer: (status: number) => void): number {
  let at = 0;
  for (;;) {
    const headEnd = bytes.indexOf(HEAD_END, at);
    if (headEnd === -1) return at;
    const head = bytes.toString("latin1", at, headEnd);
    const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
    if (length === undefined) throw new Error("an answer without Content-Length");
    const end = headEnd + HEAD_END.length + Number(length);
    if (end > bytes.length) return at;
    at = end;
    onAnswer(Number(head.slice(STATUS_AT, STATUS_AT + 3)));
  }
}
