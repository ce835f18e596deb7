/** What a pull is called: a copy of an installed model has the same events. */

export interface Verb {
  readonly act: "pull" | "copy";
  /** Before the name of a model. */
  readonly doing: string;
  readonly done: "pulled" | "copied";
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
