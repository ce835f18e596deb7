/** What a pull is called: a copy of an installed model has the same events. */

export interface Verb {
  readonly act: "pull" | "copy" | "import";
  /** Before the name of a model. */
  readonly doing: string;
  readonly done: "pulled" | "copied" | "imported";
  /** Before a blob. */
  readonly blob: string;
  /** After a number of bytes. */
  readonly bytes: string;
}

export const PULL: Verb = {
  act: "pull",
  doing: "pulling",
  done: "pulled",
  blob: "downloading",
  bytes: "downloaded",
};
export const COPY: Verb = {
  act: "copy",
  doing: "copying",
  done: "copied",
  blob: "copying",
  bytes: "copied",
};
export const IMPORT: Verb = {
  act: "import",
  doing: "importing",
  done: "imported",
  blob: "importing",
  bytes: "imported",
};
