/**
 * Whose statements: what an advertiser owes, or what a publisher earned in one currency.
 *
 *   adv=<id>              pub=<id>/cur=EUR        below statements/v1/, and its name in the evidence log
 *
 * Keeps: two owners never have the same folder, leaf or secret: no id has an equals sign.
 */
import { assert } from "../core/result.ts";

const NUMBER_DIGITS = 6;

export type Owner = { readonly advertiserId: string } | { readonly publisherId: string; readonly currency: string };

/** How an owner is named in a statement. */
export type Named = { readonly advertiser_id?: string; readonly publisher_id?: string };

export function ownerPath(owner: Owner): string {
  return "advertiserId" in owner ? `adv=${owner.advertiserId}` : `pub=${owner.publisherId}/cur=${owner.currency}`;
}

export function namedOwner(owner: Owner): Named {
  return "advertiserId" in owner ? { advertiser_id: owner.advertiserId } : { publisher_id: owner.publisherId };
}

export function ownerNamed(named: Named & { readonly currency: string }): Owner {
  const { advertiser_id: advertiserId, publisher_id: publisherId, currency } = named;
  if (advertiserId !== undefined) return { advertiserId };
  assert(publisherId !== undefined, "a statement names whose it is");
  return { publisherId, currency };
}

export function idOf(owner: Owner): string {
  return "advertiserId" in owner ? owner.advertiserId : owner.publisherId;
}

/** A statement's number as it stands in names. */
export function spellNumber(number: number): string {
  return String(number).padStart(NUMBER_DIGITS, "0");
}

/** Under which its leaves stand in the evidence log (evidence/leaf.ts). */
export function leafOwner(owner: Owner): string {
  return "advertiserId" in owner ? owner.advertiserId : `pub=${owner.publisherId}`;
}

export function leafName(owner: Owner, number: number): string {
  const chain = "advertiserId" in owner ? "statement" : `statement/${owner.currency}`;
  return `${chain}/${spellNumber(number)}`;
}
