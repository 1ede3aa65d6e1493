/** The archive as another binding shows it: what is kept for a bucket is not kept for this one. */
export function ownBucket(archive: R2Bucket): R2Bucket {
  return new Proxy(archive, {
    get: (bucket, member) => {
      const value: unknown = Reflect.get(bucket, member);
      return typeof value === "function" ? value.bind(bucket) : value;
    },
  });
}
