/**
 * The canary's book in R2, where it is read while no database answers.
 *
 *   canary/v1/book.json     the clicks that are looked at, and 90 days of what became of them (core/canary.ts)
 *
 * Keeps: one object, replaced by its etag: of two runs at once one begins the minute's click.
 */

import { parseJson } from "../core/base64url.ts";
import { type CanaryBook, EMPTY_BOOK } from "../core/canary.ts";

const BOOK_KEY = "canary/v1/book.json";
const ATTEMPTS_MAX = 5;

export async function readBook(bucket: R2Bucket): Promise<CanaryBook | null> {
  return (await readStored(bucket))?.book ?? null;
}

/**
 * Changes the book; `change` is asked again where another run was first, and null leaves the book as it is. Resolves to
 * the book that was put, or null. Throws where it is overtaken again and again.
 */
export async function changeBook(
  bucket: R2Bucket,
  change: (book: CanaryBook) => CanaryBook | null,
): Promise<CanaryBook | null> {
  for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt++) {
    const stored = await readStored(bucket);
    const changed = change(stored?.book ?? EMPTY_BOOK);
    if (changed === null) return null;
    const onlyIf = stored === null ? { etagDoesNotMatch: "*" } : { etagMatches: stored.etag };
    const put = await bucket.put(BOOK_KEY, JSON.stringify(changed), {
      ...{ onlyIf, httpMetadata: { contentType: "application/json" } },
    });
    if (put !== null) return changed;
  }
  throw new Error(`${BOOK_KEY} was replaced ${ATTEMPTS_MAX} times meanwhile`);
}

async function readStored(bucket: R2Bucket): Promise<{ book: CanaryBook; etag: string } | null> {
  const object = await bucket.get(BOOK_KEY);
  return object === null ? null : { book: parseJson(await object.text()) as CanaryBook, etag: object.etag };
}
