/** A blob that is not what its digest says. */

import { PullamaError } from "../core/errors.ts";

/** It is damaged where it is read. A network may send the right bytes at the next time. */
export class DamagedBlob extends PullamaError {
  readonly isFinal: boolean;

  constructor(message: string, isRemote: boolean) {
    super("digest", message, {
      hint: isRemote
        ? "try again later, or contact the registry's operator"
        : "it is damaged in the models folder: pullama verify --repair downloads it again",
    });
    this.isFinal = !isRemote;
  }
}
