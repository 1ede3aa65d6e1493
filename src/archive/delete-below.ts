/**
 * Deleting what lies under a prefix of the archive, page by page.
 *
 * Keeps: it stops where it is told to, between two pages, and goes on from there when it is called again.
 */
const OBJECTS_PER_CALL = 1_000;

export type Deleting = {
  /** Objects to delete at most, to the page. */
  readonly most: number;
  readonly isWanted?: (key: string) => boolean;
  /** Asked before each page. */
  readonly mayGoOn?: () => Promise<boolean>;
};

/** Returns how many were deleted, and whether nothing that is wanted is left. */
export async function deleteBelow(
  archive: R2Bucket,
  prefix: string,
  { most, isWanted = () => true, mayGoOn = async () => true }: Deleting,
): Promise<{ deleted: number; isDone: boolean }> {
  let deleted = 0;
  for (let cursor: string | undefined; ; ) {
    if (deleted >= most || !(await mayGoOn())) return { deleted, isDone: false };
    const page: R2Objects = await archive.list({
      ...{ prefix, limit: OBJECTS_PER_CALL },
      ...(cursor === undefined ? {} : { cursor }),
    });
    const keys = page.objects.map(({ key }) => key).filter(isWanted);
    if (keys.length > 0) await archive.delete(keys);
    deleted += keys.length;
    if (!page.truncated) return { deleted, isDone: true };
    cursor = page.cursor;
  }
}

/** The folders right below a prefix, without it and without their slash, in their order. */
export async function foldersBelow(archive: R2Bucket, prefix: string): Promise<string[]> {
  const folders: string[] = [];
  for (let cursor: string | undefined; ; ) {
    const page: R2Objects = await archive.list({
      ...{ prefix, delimiter: "/" },
      ...(cursor === undefined ? {} : { cursor }),
    });
    folders.push(...page.delimitedPrefixes.map((folder) => folder.slice(prefix.length, -1)));
    if (!page.truncated) return folders.sort();
    cursor = page.cursor;
  }
}
