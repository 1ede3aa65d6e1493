/**
 * One row of the catalogue of problems: what a caller is told wherever a request is refused for this reason.
 */
export type ProblemRow = {
  readonly status: number;
  /** What is wrong, in a sentence; the same in every answer (RFC 9457 §3.1.3). */
  readonly title: string;
  /** What to change, true of every occurrence: the detail of an answer that has no better one. */
  readonly advice: string;
  /** What such an answer carries beside its body. */
  readonly headers?: Readonly<Record<string, string>>;
};

export type ProblemTable = Readonly<Record<string, ProblemRow>>;

/** A caller may try again after so long where something does not answer. */
export const RETRY_AFTER_S = 5;
