/** Tiles and bundles of C2SP tlog-tiles: their names, the trees that they hold, and how they grow. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  consistencyRanges,
  HASH_BYTES,
  type Hash,
  hashLeaf,
  inclusionRanges,
  isConsistent,
  isIncluded,
  rootOf,
} from "../../src/core/merkle.ts";
import {
  decodeEntries,
  encodeEntries,
  growTiles,
  hashRanges,
  parseTilePath,
  rootFromTiles,
  TILE_WIDTH,
  type Tile,
  tilePath,
  tileWidth,
} from "../../src/core/tiles.ts";

describe("a tile's name", () => {
  it.each([
    ["tile/0/x001/x234/067", { level: 0, index: 1_234_067, width: 256 }],
    ["tile/0/000", { level: 0, index: 0, width: 256 }],
    ["tile/63/999.p/255", { level: 63, index: 999, width: 255 }],
    ["tile/2/x001/000.p/1", { level: 2, index: 1_000, width: 1 }],
    ["tile/entries/x273/000.p/112", { level: "entries", index: 273_000, width: 112 }],
    ["tile/1/x009/x007/x199/x254/x740/991", { level: 1, index: Number.MAX_SAFE_INTEGER, width: 256 }],
  ] as const)("is %s, and is read back", (path, tile) => {
    expect(tilePath(tile)).toBe(path);
    expect(parseTilePath(path)).toEqual(tile);
  });

  it.each([
    ...["", "tile/", "tile/0", "tile/0/", "tile/0/0", "tile/0/00", "tile/0/0000", "tile/00/000", "tile/64/000"],
    ...["tile/-1/000", "tile/+1/000", "tile/1e1/000", "tile/0/-01", "tile/0/x000/000", "tile/0/x000/x001/000"],
    ...["tile/0/001/000", "tile/0/x001", "tile/0/X001/000", "tile/0/000.p/0", "tile/0/000.p/256", "tile/0/000.p/01"],
    ...["tile/0/000.p/", "tile/0/000.p/1/", "tile/0/000.p", "/tile/0/000", "tile/0/000/", "tile/0/000\n"],
    ...["tile/data/000", "tile/Entries/000", "tile/entries/000.p/999", "tile/0/../000", "tile/0/٠٠٠", "tile/0/000?a"],
    "tile/0/x009/x007/x199/x254/x740/992",
  ])("is not %j", (path) => {
    expect(parseTilePath(path)).toBeNull();
  });
});

describe("a log's tiles", () => {
  it("of 70 000 leaves are those of the specification's example", () => {
    const widths = (level: number) => {
      const found: number[] = [];
      for (let index = 0; tileWidth({ level, index }, 70_000) > 0; index++) {
        found.push(tileWidth({ level, index }, 70_000));
      }
      return found;
    };
    expect(widths(0)).toEqual([...Array(273).fill(256), 112]);
    expect(widths(1)).toEqual([256, 17]);
    expect(widths(2)).toEqual([1]);
    expect(widths(3)).toEqual([]);
    expect([tileWidth({ level: 0, index: 0 }, 256), tileWidth({ level: 1, index: 0 }, 256)]).toEqual([256, 1]);
    expect(tileWidth({ level: "entries", index: 273 }, 70_000)).toBe(112);
  });

  it("grow as the Go checksum database counts them, by 256", async () => {
    const read = async ({ width }: Tile) => new Uint8Array(width * HASH_BYTES);
    const grown = async (from: number, to: number) =>
      (await growTiles(from, Array<Hash>(to - from).fill(new Uint8Array(HASH_BYTES)), read)).map(({ tile }) =>
        tilePath(tile),
      );
    expect(await grown(1, 1)).toEqual([]);
    expect(await grown(100, 101)).toEqual(["tile/0/000.p/101"]);
    expect(await grown(255, 257)).toEqual(["tile/0/000", "tile/0/001.p/1", "tile/1/000.p/1"]);
    expect(await grown(65_535, 65_536)).toEqual(["tile/0/255", "tile/1/000", "tile/2/000.p/1"]);
    expect(await grown(69_800, 70_000)).toEqual(["tile/0/272", "tile/0/273.p/112", "tile/1/001.p/17"]);
  });
});

/** Tiles as a log that grew in steps keeps them. */
class Tiles {
  readonly stored = new Map<string, Uint8Array>();
  readonly leaves: Hash[] = [];
  readonly asked: string[] = [];
  readonly read = async (tile: Tile) => {
    this.asked.push(tilePath(tile));
    const bytes = this.stored.get(tilePath(tile));
    if (bytes === undefined) throw new Error(`there is no ${tilePath(tile)}`);
    return bytes;
  };

  async grow(leaves: readonly Hash[]): Promise<void> {
    for (const { tile, bytes } of await growTiles(this.leaves.length, leaves, this.read)) {
      this.stored.set(tilePath(tile), bytes);
    }
    this.leaves.push(...leaves);
  }
}

const leavesOf = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, at) => hashLeaf(Buffer.from(`leaf ${from + at}`)));

describe("a tree in tiles", () => {
  it("has at every size that it had the root of its leaves, whatever the steps", async () => {
    const steps = fc.array(fc.integer({ min: 0, max: 400 }), { minLength: 1, maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(steps, async (sizes) => {
        const tiles = new Tiles();
        const roots: { size: number; root: Hash }[] = [];
        for (const step of sizes) {
          await tiles.grow(leavesOf(tiles.leaves.length, tiles.leaves.length + step));
          roots.push({ size: tiles.leaves.length, root: rootOf(tiles.leaves) });
        }
        for (const { size, root } of roots) expect(await rootFromTiles(size, tiles.read)).toEqual(root);
      }),
      { numRuns: 30 },
    );
  });

  it("proves each leaf and each older size, and reads no tile twice", async () => {
    const size = 70_000;
    const tiles = new Tiles();
    await tiles.grow(leavesOf(0, 66_000));
    const older = { size: 66_000, root: rootOf(tiles.leaves) };
    await tiles.grow(leavesOf(66_000, size));
    const tree = { size, root: await rootFromTiles(size, tiles.read) };
    expect(tree.root).toEqual(rootOf(tiles.leaves));
    for (const index of [0, 255, 256, 65_535, 65_536, 69_999]) {
      tiles.asked.length = 0;
      const proof = await hashRanges(inclusionRanges(index, size), size, tiles.read);
      expect(isIncluded({ hash: tiles.leaves[index] as Hash, index }, tree, proof)).toBe(true);
      expect(new Set(tiles.asked).size).toBe(tiles.asked.length);
      expect(tiles.asked.length).toBeLessThanOrEqual(6);
    }
    for (const old of [older, { size: 1, root: tiles.leaves[0] as Hash }]) {
      const proof = await hashRanges(consistencyRanges(old.size, size), size, tiles.read);
      expect(isConsistent(old, tree, proof)).toBe(true);
    }
  });

  it("is not read from a tile of another width", async () => {
    const read = async () => new Uint8Array(HASH_BYTES);
    await expect(rootFromTiles(TILE_WIDTH, read)).resolves.toEqual(new Uint8Array(HASH_BYTES));
    await expect(rootFromTiles(2, read)).rejects.toThrow("the tile that it was asked for");
  });
});

describe("a bundle of entries", () => {
  it("is read back, with empty entries and the longest", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 20 }), (entries) => {
        expect(decodeEntries(encodeEntries(entries))).toEqual(entries);
      }),
    );
    const longest = new Uint8Array(65_535).fill(7);
    expect(decodeEntries(encodeEntries([longest, new Uint8Array()]))).toEqual([longest, new Uint8Array()]);
    expect(() => encodeEntries([new Uint8Array(65_536)])).toThrow("16 bits");
  });

  it("says the length of an entry in two bytes, the higher first", () => {
    expect(Buffer.from(encodeEntries([Buffer.from("ab"), new Uint8Array(258)])).toString("hex")).toMatch(
      /^0002616201020{516}$/,
    );
  });

  it.each([["00"], ["0001"], ["000261"], ["00016100"], ["ffff"]])("that is cut is refused: %s", (hex) => {
    expect(decodeEntries(Buffer.from(hex, "hex"))).toBeNull();
  });
});
