/** What is used of the platform's `node:zlib`: `CompressionStream` knows no levels. */
declare module "node:zlib" {
  export function gzipSync(data: string, options?: { level?: number }): Uint8Array<ArrayBuffer>;
  export function gunzipSync(data: Uint8Array): Uint8Array<ArrayBuffer>;
}
