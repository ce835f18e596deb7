/** `pullama version`. */

import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import type { Host } from "../host/host.ts";
import { VERSION } from "../../setup/version.ts";

export function addVersion(root: CommandUnknownOpts, host: Host): void {
  root.command("version")
    .description("print the version")
    .action(() => host.out.write(`pullama ${VERSION}\n`));
}
