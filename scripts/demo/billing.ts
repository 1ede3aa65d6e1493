/**
 * The last act of a demonstration: the statements of all its tenants are issued and published, a stranger verifies them
 * with the packed verifier against the running Worker, each part is forged once and found, and all is verified again.
 */
import type { LocalRuntime } from "../local-runtime.ts";
import type { Sheet } from "./figures.ts";
import { type Forged, forgeEach } from "./forging.ts";
import type { ReportSource } from "./report.ts";
import { type IssuedStatement, issueStatements } from "./statements.ts";
import { inviteStranger, type ToVerify, type Verified } from "./stranger.ts";
import type { Tenants } from "./tenants.ts";

/** What an advertiser's clicks cost by the truth, and by all its statements. */
export type Billed = { readonly advertiserId: string; readonly truthMicros: bigint; readonly billedMicros: bigint };
type OfTenant = Verified & { readonly tenantId: string };

export type BillingResult = {
  readonly statements: readonly IssuedStatement[];
  /** How many late clicks were accepted between them. */
  readonly accepted: number;
  readonly billed: readonly Billed[];
  readonly packed: { readonly name: string; readonly bytes: number };
  readonly verified: readonly OfTenant[];
  /** Whose statements were forged. */
  readonly forgedOf: string;
  readonly forged: readonly Forged[];
  /** After everything was brought back. */
  readonly verifiedAgain: readonly OfTenant[];
};

export function isProved({ billed, verified, forged, verifiedAgain }: BillingResult): boolean {
  const isBilled = billed.every(({ truthMicros, billedMicros }) => truthMicros === billedMicros);
  const isVerified = [...verified, ...verifiedAgain].every(({ code }) => code === 0);
  return isBilled && isVerified && verified.length > 0 && forged.every(({ code }) => code !== 0);
}

type Stage = {
  readonly tenants: Tenants;
  readonly day: string;
  readonly logKey: string;
  readonly tokenKeys: readonly string[];
  /** What each advertiser's clicks cost, by the truth. */
  readonly truth: Sheet;
  /** And what they cost on days that the truth's report is not asked of. */
  readonly elsewhere: readonly { readonly advertiserId: string; readonly micros: number }[];
};

export async function billAndProve(
  { bindings, url }: LocalRuntime,
  source: ReportSource,
  { tenants, day, logKey, tokenKeys, truth, elsewhere }: Stage,
): Promise<{ billing: BillingResult; overAtMs: number }> {
  const archive = bindings.ARCHIVE;
  const { statements, accepted, olderCheckpoint, overAtMs } = await issueStatements(source, tenants, { day, archive });
  const stranger = await inviteStranger(overAtMs - Date.now());
  try {
    const askedOf = (apiKey: string): ToVerify => ({ url, apiKey, logKey, tokenKeys });
    const verifyEach = async () => {
      const all: OfTenant[] = [];
      for (const [tenantId, apiKey] of [...tenants.billKeys, ...tenants.earningKeys]) {
        all.push({ tenantId, ...(await stranger.verifyAll(tenantId, askedOf(apiKey))) });
      }
      return all;
    };
    const verified = await verifyEach();
    const forgedOf = statements.find(({ adjustmentsMicros }) => adjustmentsMicros !== "0")?.advertiserId ?? "";
    const verify = () => stranger.verifyAll(forgedOf, askedOf(tenants.billKeys.get(forgedOf) ?? ""));
    const asked = { advertiserId: forgedOf, olderCheckpoint: Uint8Array.from(olderCheckpoint) };
    const forged = await forgeEach(archive, asked, verify);
    const billed = Array.from(tenants.billKeys.keys(), (id) => {
      const late = accepted.map(({ advertiserId, cpcMicros: micros }) => ({ advertiserId, micros }));
      const own = [...late, ...elsewhere].filter(({ advertiserId }) => advertiserId === id);
      const micros = own.reduce((sum, one) => sum + one.micros, truth.get(id)?.values.spend_micros ?? 0);
      return billedOf(id, statements, micros);
    });
    const billing = {
      statements,
      accepted: accepted.length,
      billed,
      packed: stranger.packed,
      verified,
      forgedOf,
      forged,
      verifiedAgain: await verifyEach(),
    };
    return { billing, overAtMs };
  } finally {
    stranger.leave();
  }
}

function billedOf(advertiserId: string, statements: readonly IssuedStatement[], truthMicros: number): Billed {
  const own = statements.filter((statement) => statement.advertiserId === advertiserId);
  const billedMicros = own.reduce((sum, one) => sum + BigInt(one.spendMicros) + BigInt(one.adjustmentsMicros), 0n);
  return { advertiserId, truthMicros: BigInt(truthMicros), billedMicros };
}
