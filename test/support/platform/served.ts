/**
 * The address of a Worker of the stand-in: what was uploaded to it runs in workerd, with the secrets that it was sent.
 *
 * Keeps: nothing runs before the first request that finds a Worker; until then requests are answered 404, as a new
 * address is.
 */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type LocalRuntime, startRuntime } from "../../../scripts/local-runtime.ts";
import type { Account } from "./account.ts";

export type Served = { readonly url: string; runtime(): Promise<LocalRuntime> | undefined; stop(): Promise<void> };

export async function serveUploads(account: Account, worker: string): Promise<Served> {
  let runtime: Promise<LocalRuntime> | undefined;
  const start = () => {
    const script = account.scripts.get(worker);
    const uploaded = script?.versions.at(-1)?.modules.get("index.js");
    if (script === undefined || uploaded === undefined) return undefined;
    return startRuntime({ script: uploaded, vars: Object.fromEntries(script.secrets) });
  };
  const server = createServer(async (request, response) => {
    runtime ??= start();
    if (runtime === undefined) {
      response.writeHead(404).end();
      return;
    }
    const { url } = await runtime;
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const answer = await fetch(`${url}${request.url}`, {
      method: request.method ?? "GET",
      headers: Object.entries(request.headers).flatMap(([name, value]) =>
        /^(host|connection|content-length|transfer-encoding)$/.test(name)
          ? []
          : [[name, String(value)] as [string, string]],
      ),
      redirect: "manual",
      ...(chunks.length === 0 ? {} : { body: Buffer.concat(chunks) }),
    });
    response.writeHead(answer.status, Object.fromEntries(answer.headers));
    response.end(Buffer.from(await answer.arrayBuffer()));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    runtime: () => runtime,
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await (await runtime)?.stop();
    },
  };
}
