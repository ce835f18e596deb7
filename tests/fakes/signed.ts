/** Signed URLs that expire, like those of object stores. */

import { createHmac, randomBytes } from "node:crypto";

export interface Signer {
  /** The query that grants access to `path` for `seconds`. */
  sign(path: string, seconds: number): URLSearchParams;
  /** Why the query does not grant access to `path`; undefined if it does. */
  refusal(
    path: string,
    query: URLSearchParams,
  ): "SignatureDoesNotMatch" | "ExpiredRequest" | undefined;
  /** Expires all signatures issued so far. */
  expireAll(): void;
}

/** A signer with a new key. */
export function signer(): Signer {
  const key = randomBytes(32);
  let generation = 1;
  const signature = (path: string, query: URLSearchParams) => {
    const hmac = createHmac("sha256", key).update(path);
    for (const name of ["X-Amz-Credential", "X-Amz-Date", "X-Amz-Expires"]) {
      hmac.update(`\n${query.get(name)}`);
    }
    return hmac.digest("hex");
  };
  return {
    sign(path, seconds) {
      const query = new URLSearchParams({
        "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
        "X-Amz-Credential": `fake/${generation}/auto/s3/aws4_request`,
        "X-Amz-Date": new Date().toISOString().replaceAll(/[-:]|\.\d+/g, ""),
        "X-Amz-Expires": String(seconds),
        "X-Amz-SignedHeaders": "host",
      });
      query.set("X-Amz-Signature", signature(path, query));
      return query;
    },
    refusal(path, query) {
      if (query.get("X-Amz-Signature") !== signature(path, query)) return "SignatureDoesNotMatch";
      const signed = query.get("X-Amz-Date")!
        .replace(/^(....)(..)(..T..)(..)(..Z)$/, "$1-$2-$3:$4:$5");
      const ends = Date.parse(signed) + Number(query.get("X-Amz-Expires")) * 1000;
      const old = query.get("X-Amz-Credential") !== `fake/${generation}/auto/s3/aws4_request`;
      return old || Date.now() > ends ? "ExpiredRequest" : undefined;
    },
    expireAll() {
      generation++;
    },
  };
}
