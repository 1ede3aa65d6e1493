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
};

export const TEST_SECRETS = {
  TOKEN_KEYS: JSON.stringify(TEST_TOKEN_KEYS),
  TOKEN_SIGNING_KID: "test-1",
  ADMIN_API_KEY: "clk_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
  SESSION_KEYS: "YGFiY2RlZmdoaWprbG1ub3BxcnN0dXZ3eHl6e3x9fn8,gIGCg4SFhoeIiYqLjI2Oj5CRkpOUlZaXmJmam5ydnp8",
};
