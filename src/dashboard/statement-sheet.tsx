/**
 * A statement as it is read and printed.
 *
 * Keeps: amounts are shown with all their digits, as the statement has them; nothing is added up here.
 */
import { pathOf } from "./addresses.ts";
import type { StatementDraft } from "./answers.ts";
import { Cause } from "./cause.tsx";
import { decimalOf, Writer } from "./figures.ts";
import { isFor } from "./navigation.ts";
import { Table } from "./table.tsx";
import type { Viewer } from "./viewer.ts";

export function numberOf({ number, kind }: { readonly number: number; readonly kind: string }): string {
  return `${kind === "credit_note" ? "Credit note" : "Statement"} ${String(number).padStart(6, "0")}`;
}

const COUNTS = ["gross", "valid", "duplicate", "invalid", "late"] as const;
const SEEN = ["impressions", "conversions"] as const;
type Content = Omit<StatementDraft, "draft"> & { readonly draft?: string; readonly issued_at?: string };

type SheetProps = {
  readonly statement: Content;
  readonly viewer: Viewer;
  /** What the API is asked with, for who reads those of several. */
  readonly search?: Readonly<Record<string, string>>;
};

/** A statement as it is printed. */
export function Sheet({ statement, viewer, search = {} }: SheetProps) {
  const { totals, currency, adjustments, credits, issued_at: issuedAt } = statement;
  const writer = new Writer(viewer.locale, viewer.zone);
  return (
    <section class="sheet">
      <h1>{issuedAt === undefined ? `Draft of ${numberOf(statement)}` : numberOf(statement)}</h1>
      <p>
        {statement.advertiser_id ?? statement.publisher_id}, from {statement.from} to {statement.to}, by days of{" "}
        {statement.time_zone}. Amounts are in {currency}.
      </p>
      <p class="due">
        <strong>{`${totals.due} ${currency}`}</strong> {dueTo(statement)}
      </p>
      {statement.advertisers === undefined ? null : (
        <p>
          Earned with {statement.advertisers.length === 0 ? "no advertiser" : statement.advertisers.join(", ")}: those
          of its clicks who pay in {currency}.
        </p>
      )}
      <Lines lines={statement.lines} writer={writer} />
      {adjustments.length === 0 ? null : <Adjustments {...{ lines: adjustments, viewer, writer }} />}
      <h2>What is due</h2>
      <Table label="What is due" of={["part", "amount"]} numbers={["amount"]}>
        <Sum name={`${writer.count(totals.valid)} valid clicks`} micros={totals.spend_micros} />
        <Sum name="Adjustments" micros={totals.adjustments_micros} />
        {credits.map((credit) => (
          <Sum
            name={`Budget of ${decimalOf(BigInt(credit.budget_micros))}, statement ${credit.statement}`}
            micros={String(-BigInt(credit.credit_micros))}
          />
        ))}
        <Sum name="Carried in from rounding" micros={totals.carried_in_micros} />
        <Sum name="Due, exactly" micros={totals.due_micros} />
        <Sum name="Carried to the next statement" micros={totals.carried_out_micros} />
      </Table>
      <Losses losses={statement.losses} />
      <h2>Evidence</h2>
      <p>Each day's manifest has this SHA-256. What they name adds up to the lines above.</p>
      <Evidence {...{ statement, search }} />
    </section>
  );
}

function dueTo({ kind, publisher_id: publisherId }: Content): string {
  if (publisherId === undefined) return kind === "credit_note" ? "is due to you" : "is due";
  return kind === "credit_note" ? "is to be paid back" : "is due to the publisher";
}

/** The manifests, to take along; of those that correct an earlier statement, what they replace. */
function Evidence({ statement, search = {} }: Pick<SheetProps, "statement" | "search">) {
  const own = statement.evidence.map((one) => ({ ...one, corrects: null }));
  const rows = [...own, ...statement.corrected.map((one) => ({ ...one, corrects: one }))];
  return (
    <Table label="Evidence" of={["UTC day", "revision", "corrects", "SHA-256 of its manifest"]} class="ids">
      {rows.map(({ day, revision, sha256, corrects }) => (
        <tr>
          <th scope="row">
            <a href={`/export${pathOf(`/v1/evidence/${day}`, { ...search, revision: String(revision) })}`} download>
              {day}
            </a>
          </th>
          <td>{revision}</td>
          <td>{corrects === null ? "" : replacedBy(corrects)}</td>
          <td>
            <code>{sha256}</code>
          </td>
        </tr>
      ))}
    </Table>
  );
}

/** What a corrected day's manifest replaces. */
function replacedBy({ statement, revision_before: before }: Content["corrected"][number]): string {
  return `statement ${statement}, ${before === null ? "which had no evidence of it" : `revision ${before}`}`;
}

type LinesProps = { readonly lines: Content["lines"]; readonly writer: Writer };

function Lines({ lines, writer }: LinesProps) {
  const numbers = [...COUNTS, ...SEEN];
  return (
    <>
      <h2>Clicks</h2>
      {lines.length === 0 ? (
        <p class="nothing">No clicks.</p>
      ) : (
        <Table label="Clicks" of={["day", "campaign", ...numbers, "amount"]} numbers={[...numbers, "amount"]}>
          {lines.map((line) => (
            <tr>
              <th scope="row">{line.day}</th>
              <td>{line.campaign_id}</td>
              {numbers.map((name) => (
                <td class="number">{writer.count(line[name])}</td>
              ))}
              <td class="number">{decimalOf(BigInt(line.spend_micros))}</td>
            </tr>
          ))}
        </Table>
      )}
      {lines.length === 0 ? null : (
        <p class="soft">Impressions and conversions stand there for information: nothing is due for them.</p>
      )}
    </>
  );
}

type AdjustmentsProps = {
  readonly lines: Content["adjustments"];
  readonly viewer: Viewer;
  readonly writer: Writer;
};

/** What earlier statements did not know, and what moved the clicks since. */
function Adjustments({ lines, viewer, writer }: AdjustmentsProps) {
  const title = "Adjustments of earlier statements";
  return (
    <>
      <h2>{title}</h2>
      <Table
        label={title}
        of={["statement", "day", "campaign", "moved by", ...COUNTS, "amount"]}
        numbers={[...COUNTS, "amount"]}
      >
        {lines.map((line) => (
          <tr>
            <td>{line.statement}</td>
            <th scope="row">{line.day}</th>
            <td>{line.campaign_id}</td>
            <td>
              <Cause cause={line.cause} viewer={viewer} />
            </td>
            {COUNTS.map((name) => (
              <td class="number">{writer.count(line[name])}</td>
            ))}
            <td class="number">{decimalOf(BigInt(line.spend_micros))}</td>
          </tr>
        ))}
      </Table>
      {isFor("/changes", viewer.kind) ? (
        <p class="more">
          <a href="/changes">What has changed, ad by ad</a>
        </p>
      ) : null}
    </>
  );
}

function Sum({ name, micros }: { name: string; micros: string }) {
  return (
    <tr>
      <th scope="row">{name}</th>
      <td class="number">{decimalOf(BigInt(micros))}</td>
    </tr>
  );
}

function Losses({ losses }: Pick<Content, "losses">) {
  if (losses.length === 0) return null;
  return (
    <>
      <h2>Accepted as lost</h2>
      <ul>
        {losses.map(({ object, reason }) => (
          <li>
            {reason} (<code>{object}</code>)
          </li>
        ))}
      </ul>
    </>
  );
}
