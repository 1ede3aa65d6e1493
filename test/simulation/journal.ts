/**
 * A transaction over objects in memory: each of them says what is to happen at its end.
 *
 * Keeps: `transaction` either commits everything that registered or aborts everything, latest first. Outside of a
 * transaction a write is committed at once. A failpoint is a place where the seed may abort.
 */
export type End = "commit" | "abort";

export class InjectedFault extends Error {
  override readonly name = "InjectedFault";
}

export class Journal {
  isOpen = false;
  readonly #mayFail: () => boolean;
  #ends: ((end: End) => void)[] = [];

  constructor(mayFail: () => boolean) {
    this.#mayFail = mayFail;
  }

  transaction<T>(closure: () => T): T {
    this.isOpen = true;
    this.#ends = [];
    try {
      const value = closure();
      this.failpoint();
      this.#finish("commit");
      return value;
    } catch (fault) {
      this.#finish("abort");
      throw fault;
    }
  }

  /** Throws when the seed wants the transaction to fail here. */
  failpoint(): void {
    if (this.isOpen && this.#mayFail()) throw new InjectedFault("the transaction is aborted");
  }

  onEnd(act: (end: End) => void): void {
    if (this.isOpen) this.#ends.push(act);
    else act("commit");
  }

  #finish(end: End): void {
    this.isOpen = false;
    const ends = end === "commit" ? this.#ends : this.#ends.reverse();
    this.#ends = [];
    for (const act of ends) act(end);
  }
}
