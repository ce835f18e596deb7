/** The registry that the user pushes to. */

import { isNear } from "../../core/address.ts";
import { PullamaError } from "../../core/errors.ts";
import { quoted, quotedUrl } from "../../core/quote.ts";
import { oddPart } from "../../core/upload/repository.ts";
import { isHost } from "../trust.ts";

const ALLOWED = "write it like 10.0.0.5:5000, or registry.example.com/models";
const LOGIN =
  "docker login, or PULLAMA_REGISTRY_USER and PULLAMA_REGISTRY_PASSWORD, give the login";

/**
 * The URL for `host[:port][/prefix]`. Plain http where `insecure` says so, or where the text itself does and the host is
 * this machine or in a private network. Throws `usage` for anything else.
 */
export function pushUrl(text: string, insecure: boolean): URL {
  const refuse = (reason: string, hint = ALLOWED) => {
    return new PullamaError("usage", `cannot push to ${quotedUrl(text)}: ${reason}`, { hint });
  };
  if (text.includes("@")) throw refuse("it contains credentials", LOGIN);
  const [, given, rest = text] = /^([a-z][a-z0-9+.-]*):\/\/(.*)$/is.exec(text) ?? [];
  const scheme = given?.toLowerCase();
  if (scheme !== undefined && scheme !== "http" && scheme !== "https") {
    throw refuse("expected a host, http:// or https://");
  }
  if (/[?#]/.test(rest)) throw refuse("it has a query or a fragment");
  const [host = "", ...parts] = rest.replace(/\/$/, "").split("/");
  if (!isHost(host)) throw refuse("it does not begin with a host");
  if (parts[0] === "v2") throw refuse("leave out /v2, which is added");
  const odd = oddPart(parts);
  if (odd !== undefined) {
    throw refuse(`${quoted(odd, 40)} cannot be part of the name of a repository`);
  }
  if (insecure && scheme === "https") {
    throw refuse("--insecure is plain http", "leave out either https:// or --insecure");
  }
  const { hostname } = new URL(`http://${host}`);
  if (scheme === "http" && !insecure && !isNear(hostname)) {
    throw refuse(
      "plain http, and it is not a loopback or private address",
      "use https, or add --insecure if you trust the network in between",
    );
  }
  return new URL(`${insecure ? "http" : scheme ?? "https"}://${[host, ...parts].join("/")}`);
}
