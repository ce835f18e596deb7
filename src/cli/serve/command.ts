/** `pullama serve`. */

import { type CommandUnknownOpts, InvalidArgumentError, Option } from "@commander-js/extra-typings";
import { parsePinned } from "../../core/name.ts";
import { type Address, DEFAULT_PORT, parseAddress } from "../../setup/serve/address.ts";
import { isHost } from "../../setup/trust.ts";
import { modelsDirFlag, noColorFlag, outputFlag, quietFlag } from "../args/flags.ts";
import { sizeFrom, understood, wholeNumber } from "../args/values.ts";
import type { Host } from "../host/host.ts";
import type { ServeWire } from "./run.ts";

const MORE = `
Offers the complete models of this folder to other programs, read-only, as a
registry does, until it is stopped with Ctrl-C. Nothing in the folder is
changed, and nothing else on this machine can be read through it. It speaks
plain http and asks for no password. Without --listen only this machine can
reach it; with another address everyone can who reaches that port.

Of all models only those that everyone can pull are served: those without a
namespace of the Ollama registry, and what "ollama create" has made under such
a name. Others may have needed a login: name each with --share.

Other machines use it as a mirror, as a registry, or with Ollama:
  pullama pull llama3.2 --mirror http://192.168.1.5:${DEFAULT_PORT}
  pullama pull 192.168.1.5:${DEFAULT_PORT}/library/llama3.2 --insecure
  ollama pull --insecure http://192.168.1.5:${DEFAULT_PORT}/library/llama3.2

A blob that pullama has verified is sent as it is. Others, such as those of
"ollama pull", are hashed once, while they are sent, and the last byte waits for
the digest: a damaged blob is never sent as a whole.

Examples:
  pullama serve                            for this machine
  pullama serve --listen 0.0.0.0           for the network, at port ${DEFAULT_PORT}
  pullama serve --listen 192.168.1.5:8080 --host models.lan --limit-rate 50M
  pullama serve --share hf.co/me/private   a model of yours as well
  pullama serve --output json | jq 'select(.event=="served").Path'`;

export function addServe(root: CommandUnknownOpts, host: Host, wire: ServeWire): void {
  root.command("serve")
    .description("offer these models to other machines, read-only")
    .addOption(modelsDirFlag())
    .addOption(
      new Option("--listen <address>", "where others reach it, as address:port")
        .argParser(address).default(parseAddress("127.0.0.1"), `127.0.0.1:${DEFAULT_PORT}`)
        .helpGroup("Network:"),
    )
    .addOption(
      new Option("--host <name>", "another name that clients use for this machine; repeatable")
        .argParser(names).helpGroup("Network:"),
    )
    .addOption(
      new Option("--max-clients <n>", "requests that are answered at a time")
        .argParser(wholeNumber(1, 1_000)).default(64).helpGroup("Network:"),
    )
    .addOption(
      new Option("--limit-rate <size>", "bytes per second over all clients, such as 50M")
        .argParser(sizeFrom(1, "1")).helpGroup("Network:"),
    )
    .addOption(
      new Option("--share <model>", "also serve this model, which may not be public; repeatable")
        .argParser(models).helpGroup("Models:"),
    )
    .addOption(new Option("--list", "let clients list the names of models").helpGroup("Models:"))
    .addOption(outputFlag())
    .addOption(quietFlag())
    .addOption(
      new Option("-v, --verbose", "also print each request, and stack traces").helpGroup("Output:"),
    )
    .addOption(noColorFlag())
    .addHelpText("after", MORE)
    .action(async (flags) => {
      const { runServe } = await import("./run.ts");
      await runServe(flags, host, wire);
    });
}

function address(text: string): Address {
  return understood(parseAddress, text);
}

/** Adds a name of this machine to those before. Clients may use any port: only names are compared. */
function names(text: string, before: readonly string[] = []): readonly string[] {
  if (isHost(text) && !/:\d+$/.test(text)) return [...before, text];
  throw new InvalidArgumentError("Expected a host without a port, such as models.lan.");
}

/** Adds a model to those before. */
function models(
  text: string,
  before: readonly ReturnType<typeof parsePinned>[] = [],
): readonly ReturnType<typeof parsePinned>[] {
  return [...before, understood(parsePinned, text)];
}
