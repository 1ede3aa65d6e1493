/** Secrets of the test runs: fixed, so that tokens minted in Node and in workerd are the same. */
export const TEST_TOKEN_KEYS = {
  "test-1": "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8",
  "test-2": "ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8",
  limited: {
    key: "QEFCQ0RFRkdISUpLTE1OT1BRUlNUVVZXWFlaW1xdXl8",
    advertisers: ["adv_1"],
    publishers: ["pub_1", "pub_2"],
    cpc_max: 500_000,
  },
  // The key of RFC 8037, A.1, whose private half everybody knows.
  "ed-1": { public_key: { kty: "OKP", crv: "Ed25519", x: "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" } },
  "ed-limited": {
    public_key: "F0VTtFbd38aQjsqxwQH-arIeK6oGF3lbfUOmNIKZP9U",
    advertisers: ["adv_1"],
    publishers: ["pub_1", "pub_2"],
    cpc_max: 500_000,
    hosts: ["shop.example"],
  },
  "ed-retired": { public_key: "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", retired: true },
};

/** The private halves, which no Worker has. */
export const TEST_PRIVATE_KEYS: Readonly<Record<string, string>> = {
  "ed-1": "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A",
  "ed-limited": "YGFiY2RlZmdoaWprbG1ub3BxcnN0dXZ3eHl6e3x9fn8",
  "ed-retired": "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A",
};

export const TEST_SECRETS = {
  TOKEN_KEYS: JSON.stringify(TEST_TOKEN_KEYS),
  TOKEN_SIGNING_KID: "test-1",
  ADMIN_API_KEY: "clk_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
  EVIDENCE_LOG_KEYS: '[{"name":"clicks.example/evidence","seed":"oKGio6SlpqeoqaqrrK2ur7CxsrO0tba3uLm6u7y9vr8"}]',
  SESSION_KEYS: "YGFiY2RlZmdoaWprbG1ub3BxcnN0dXZ3eHl6e3x9fn8,gIGCg4SFhoeIiYqLjI2Oj5CRkpOUlZaXmJmam5ydnp8",
};
