/** Where a model is served. Its name is an identity: a mirror or a peer may serve it under the same name. */

import { DEFAULT_HOST, type ModelName, plainHttp } from "../../core/name.ts";

export interface Endpoint {
  /** Scheme, host and port. */
  readonly origin: string;
  /** The name of the repository there: `namespace/model`. */
  readonly repository: string;
  /** The registry that the server is asked to stand for, in the query `ns`, as containerd asks its mirrors. */
  readonly ns?: string;
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

/**
 * Every model at a mirror, below the path of its URL; those of another registry than the default one below the name of
 * that registry, with "_" before its port. `lowerCase`: as OCI registries have them, whose repositories have no capitals.
 */
export function endpointsAt(mirror: URL, lowerCase = false): EndpointOf {
  const prefix = mirror.pathname.split("/").filter((part) => part !== "");
  return ({ host, namespace, model }) => {
    const ns = host.toLowerCase();
    const registry = ns === DEFAULT_HOST ? [] : [ns.replace(":", "_")];
    const own = [namespace, model].map((part) => lowerCase ? part.toLowerCase() : part);
    return {
      origin: mirror.origin,
      repository: [...prefix, ...registry, ...own].join("/"),
      ns,
    };
  };
}
