/** The title of a web page, which tells users what sent it better than its status. */

const ENTITIES: Readonly<Record<string, string>> = {
  ...{ amp: "&", lt: "<", gt: ">", quot: '"', apos: "'", nbsp: " " },
  ...{ ndash: "\u2013", mdash: "\u2014", middot: "\u00b7" },
};

/** The text of the first title in `html`, on one line; "" if there is none. */
export function htmlTitle(html: string): string {
  const [, text = ""] = /<title\b[^>]{0,200}>([^<]{0,1000})/i.exec(html) ?? [];
  return text.replaceAll(
    /&(?:#(\d{1,7})|#x([0-9a-f]{1,6})|(\w{1,10}));/gi,
    (entity, decimal, hex, name: string | undefined) => {
      if (name !== undefined) return Object.hasOwn(ENTITIES, name) ? ENTITIES[name]! : entity;
      const code = decimal === undefined ? parseInt(hex, 16) : Number(decimal);
      return code <= 0x10ffff ? String.fromCodePoint(code) : entity;
    },
  ).replaceAll(/\s+/g, " ").trim();
}
