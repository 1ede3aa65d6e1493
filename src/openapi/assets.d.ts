/** Modules of bytes, as the platform loads files that end in .bin. */
declare module "*.bin" {
  const bytes: ArrayBuffer;
  export default bytes;
}
