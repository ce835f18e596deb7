/** The known attacks on a models folder that another user may write to, with real users. */

import { mapConcurrent } from "../../src/io/concurrency.ts";
import { attack } from "../hostile/attack.ts";
import { company, ROLES } from "../hostile/users.ts";
import { testWith } from "../needs.ts";

/** What attacks of one row of the list of known ones put where. */
const ATTACKS: Readonly<Record<string, readonly (readonly [place: string, kind: string])[]>> = {
  "gets no file or folder of the one who pulls": [
    ["the partial file", "a link to a file"],
    ["the partial file", "a link to a folder"],
    ["a blob in ready", "a link to a file"],
    ["a blob", "a link to a file"],
    ["ready", "a link to a folder"],
  ],
  "gets no file overwritten": [
    ["store.lock", "a link to a file"],
    ["the lock of a blob", "a link to a file"],
    ["queue.lock", "a second name of a file"],
    ["the partial file", "a second name of a file"],
    ["queue.json.tmp", "a link to a file"],
    ["a folder of manifests", "a link to a folder"],
    [".pullm", "a link to a folder"],
    ["wanted", "a link to a folder"],
    ["blobs", "a link to a folder"],
    ["manifests", "a link to a folder"],
  ],
  "gets no foreign file removed": [
    [".pullm", "a link to a folder"],
    ["tmp", "a link to a folder"],
    ["bad", "a link to a folder"],
    ["wanted", "a link to a folder"],
  ],
  "makes nothing wait and fills no memory": [
    ["ledger.json", "a FIFO"],
    ["the checkpoint", "a FIFO"],
    ["the positions", "a FIFO"],
    ["the partial file", "a FIFO"],
    ["store.lock", "a FIFO"],
    ["queue.json", "a FIFO"],
    ["ledger.json", "a sparse file of 3 GB"],
    ["the positions", "a sparse file of 3 GB"],
    ["a manifest", "a sparse file of 3 GB"],
    ["ledger.json", "a link to a device"],
    ["a manifest", "a link to a device"],
  ],
};

for (const [who, roles] of Object.entries(ROLES)) {
  for (const [what, cases] of Object.entries(ATTACKS)) {
    testWith(["a compiled program", "root"], `${who}: an attacker ${what}`, async () => {
      await using around = await company();
      await mapConcurrent(cases, 2, ([place, kind]) => attack(place, kind, roles, around));
    });
  }
}
