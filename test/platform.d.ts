/**
 * Names of the platform's types for code that runs in Node and imports sources that mention them. The globals of
 * workerd themselves stay out: they and Node's contradict each other.
 */
type AnalyticsEngineDataset = import("@cloudflare/workers-types/index.ts").AnalyticsEngineDataset;
type D1Database = import("@cloudflare/workers-types/index.ts").D1Database;
type D1PreparedStatement = import("@cloudflare/workers-types/index.ts").D1PreparedStatement;
type Queue<Body = unknown> = import("@cloudflare/workers-types/index.ts").Queue<Body>;
type R2Bucket = import("@cloudflare/workers-types/index.ts").R2Bucket;
type D1Result<T = unknown> = import("@cloudflare/workers-types/index.ts").D1Result<T>;
type R2Object = import("@cloudflare/workers-types/index.ts").R2Object;
type R2Objects = import("@cloudflare/workers-types/index.ts").R2Objects;
type SqlStorage = import("@cloudflare/workers-types/index.ts").SqlStorage;
/** Of the bindings, what sources that run in Node are handed. */
interface Env {
  readonly ARCHIVE: R2Bucket;
  readonly REPORT_DB: D1Database;
}
declare namespace Rpc {
  type Serializable<_> = unknown;
}
