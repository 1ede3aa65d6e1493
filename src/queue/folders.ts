/**
 * Which folders of R2 hold anything, of all whose names begin alike, for one listing: what waits for cron mostly is
 * not there, and a listing is billed as a write.
 *
 *   begin "spool"     spool/v1/…   spool-submissions/v1/…     ──▶ "spool/", "spool-submissions/"
 *
 * Keeps: R2 is asked once, at the first question; who asks anew makes a new one. Where it does not answer, every
 * question rejects.
 */
export type HasAny = (prefix: string) => Promise<boolean>;

/** Answers whether there is anything in the folder that a prefix begins with. */
export function lookIntoFolders(bucket: Pick<R2Bucket, "list">, begin: string): HasAny {
  let listed: Promise<readonly string[]> | null = null;
  return async (prefix) => {
    listed ??= listFolders(bucket, begin);
    return (await listed).includes(prefix.slice(0, prefix.indexOf("/") + 1));
  };
}

/** What there is behind a beginning, up to the next slash. */
export async function listFolders(bucket: Pick<R2Bucket, "list">, prefix: string): Promise<string[]> {
  const folders: string[] = [];
  let cursor: string | undefined;
  do {
    const options = { prefix, delimiter: "/" };
    const page: R2Objects = await bucket.list(cursor === undefined ? options : { ...options, cursor });
    folders.push(...page.delimitedPrefixes);
    cursor = page.truncated ? page.cursor : undefined;
  } while (cursor !== undefined);
  return folders;
}
