/** Where a model is served. Its name is an identity: a mirror or a peer may serve it under the same name. */

import { type ModelName, plainHttp } from "../../core/name.ts";

export interface Endpoint {
  /** Scheme, host and port. */
  readonly origin: string;
  /** The name of the repository there: `namespace/model`. */
  readonly repository: string;
}

/** Throws `usage` for a name that asks for plain http where that is not allowed. */
export type EndpointOf = (name: ModelName) => Endpoint;

/** Every model at the host in its name; `insecure`: the user allows plain http. */
export function endpointsByName(insecure: boolean): EndpointOf {
  return (name) => ({
    origin: `${plainHttp(name, insecure) ? "http" : "https"}://${name.host}`,
    repository: `${name.namespace}/${name.model}`,
  });
}
