/** Checks the path to the registry: proxy, DNS, TCP, TLS. A proxy is the only host connected to. */

import { bracketed } from "../../core/address.ts";
import { CHECK_NETWORK } from "../../registry/diagnose/network_error.ts";
import {
  connectToOne,
  isAddress,
  resolveHost,
  type TlsView,
  viewTls,
} from "../../registry/diagnose/probe.ts";
import { addressOf, proxiesIn, type Proxy } from "../../registry/net/proxy.ts";
import type { FirstResponse } from "./first_response.ts";
import { portOf } from "./hosts.ts";
import type { Step } from "./run.ts";

export interface NetworkOptions {
  /** The registry. */
  readonly url: URL;
  readonly env: (name: string) => string | undefined;
  readonly first: FirstResponse;
}

const MOST_SHOWN = 4;

/** The steps `proxy`, `dns`, `tcp` and `tls`. */
export function networkSteps({ url, env, first }: NetworkOptions): Step[] {
  let proxy: Proxy | undefined;
  let addresses: readonly string[] = [];
  let address = "";
  const target = () =>
    proxy
      ? { host: bare(proxy.host), port: proxy.port }
      : { host: bare(url.hostname), port: portOf(url) };
  return [
    {
      name: "proxy",
      late: "the environment could not be read",
      remedy: "correct the variable, or unset it",
      check() {
        proxy = proxiesIn(env)(url);
        return Promise.resolve({ found: proxy ? shown(proxy) : [reasonForNone(url, env)] });
      },
    },
    {
      name: "dns",
      needs: ["proxy"],
      late: "no response from the name server",
      remedy: CHECK_NETWORK,
      async check(signal) {
        const { host } = target();
        if (isAddress(host)) {
          addresses = [host];
          return { skipped: `${host} is an IP address` };
        }
        addresses = await resolveHost(host, signal);
        const more = addresses.length > MOST_SHOWN
          ? ` and ${addresses.length - MOST_SHOWN} more`
          : "";
        return {
          found: [`${host} resolves to ${addresses.slice(0, MOST_SHOWN).join(", ")}${more}`],
        };
      },
    },
    {
      name: "tcp",
      needs: ["dns"],
      late: "no response",
      remedy: CHECK_NETWORK,
      async check(signal) {
        const { host, port } = target();
        const { address: reached, unreached } = await connectToOne(host, addresses, port, signal);
        address = reached;
        const [other] = unreached;
        return {
          found: [
            `connected to ${bracketed(reached)}:${port}`,
            ...(other ? [`no connection to ${other.address}: ${other.reason}`] : []),
          ],
        };
      },
    },
    {
      name: "tls",
      needs: ["tcp"],
      late: "no response from the registry over TLS",
      remedy: `${CHECK_NETWORK}; a registry without TLS needs --insecure`,
      async check(signal) {
        const secureProxy = proxy?.protocol === "https:";
        if (url.protocol === "http:" && !secureProxy) {
          return { skipped: "plain http, neither encrypted nor authenticated" };
        }
        const { host, port } = target();
        const direct = proxy === undefined || secureProxy;
        const view = direct ? await viewTls({ address, port }, host, signal) : undefined;
        const result = await first.get(signal);
        if ("error" in result && (result.error.kind === "tls" || view === undefined)) {
          throw result.error;
        }
        const trusted = "error" in result ? [] : [`trusted${proxy ? ", through the proxy" : ""}`];
        return { found: [...seen(view), ...trusted] };
      },
    },
  ];
}

function seen(view: TlsView | undefined): string[] {
  const { version, issuer, until } = view ?? {};
  const by = issuer === undefined ? "" : ` issued by ${issuer},`;
  return [
    ...(version === undefined ? [] : [version.replace(/^TLSv/, "TLS ")]),
    ...(until === undefined ? [] : [`certificate${by} valid until ${until}`]),
  ];
}

/** The proxy without its credentials. */
function shown(proxy: Proxy): string[] {
  const { protocol, login, variable } = proxy;
  return [
    `${protocol}//${addressOf(proxy)} from ${variable}`,
    login ? "with credentials" : "without credentials",
  ];
}

/** Why requests to `url` do not use a proxy. */
function reasonForNone(url: URL, env: NetworkOptions["env"]): string {
  const without = proxiesIn((name) => name.toLowerCase() === "no_proxy" ? undefined : env(name));
  if (without(url)) return `none for ${url.hostname}: excluded by NO_PROXY`;
  const set = ["HTTPS_PROXY", "HTTP_PROXY"]
    .flatMap((name) => [name, name.toLowerCase()])
    .filter((name) => env(name)?.trim());
  if (set.length === 0) return "none";
  const verb = set.length === 1 ? "does" : "do";
  return `none for ${url.protocol}//${url.hostname}: ${set.join(" and ")} ${verb} not apply`;
}

/** Without the brackets of an IPv6 address. */
function bare(hostname: string): string {
  return hostname.replace(/^\[(.*)\]$/, "$1");
}
