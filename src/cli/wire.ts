/** What commands are wired to. Loaded when it is asked for: most of the program is not needed for its help. */

import type { Wire } from "./program.ts";

export const wire: Wire = {
  async openEngine(options, stop) {
    const { openEngine } = await import("../setup/engine.ts");
    return await openEngine(options, stop);
  },
};
