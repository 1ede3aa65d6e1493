/**
 * Whose statements: what an advertiser owes, or what a publisher earned in one currency; and how both are named.
 *
 *   adv=<id>                    manifests, statements and the secret of an advertiser
 *   pub=<id>, …/cur=<currency>  those of a publisher, whose statements are a chain for each currency
 */

/** @typedef {{ advertiserId: string } | { publisherId: string, currency: string }} Owner */

/** @param {Owner} owner */
export const idOf = (owner) => ("publisherId" in owner ? owner.publisherId : owner.advertiserId);

/** As members of statements and manifests name it. @param {Owner} owner */
export const memberOf = (owner) => ("publisherId" in owner ? "publisher_id" : "advertiser_id");

/** Where what it has begins. @param {Owner} owner */
export const ownerFolder = (owner) =>
  "publisherId" in owner ? `pub=${owner.publisherId}` : `adv=${owner.advertiserId}`;

/** @param {Owner} owner */
export function statementFolder(owner) {
  const chain = "publisherId" in owner ? `/cur=${owner.currency}` : "";
  return `statements/v1/${ownerFolder(owner)}${chain}/`;
}

/**
 * @param {Owner} owner
 * @param {number} number
 */
export const statementKey = (owner, number) => `${statementFolder(owner)}${spell(number)}.json`;

/**
 * @param {Owner} owner
 * @param {string} day
 */
export const evidenceFolder = (owner, day) => `evidence/v1/${ownerFolder(owner)}/dt=${day}/`;

/**
 * @param {Owner} owner
 * @param {string} day
 * @param {number} revision
 */
export const manifestKey = (owner, day, revision) =>
  `${evidenceFolder(owner, day)}manifest-${String(revision).padStart(4, "0")}.json`;

/** @param {Owner} owner */
export const secretKey = (owner) => `evidence/v1/${ownerFolder(owner)}/secret.json`;

/**
 * What the log has it under, beneath the secret of the owner.
 * @param {Owner} owner
 * @param {number} number
 */
export const statementName = (owner, number) =>
  `statement/${"publisherId" in owner ? `${owner.currency}/` : ""}${spell(number)}`;

/** @param {number} number */
const spell = (number) => String(number).padStart(6, "0");
