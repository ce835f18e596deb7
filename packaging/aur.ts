/** A PKGBUILD for the AUR. */

import { ABOUT, programFor, type PublicRelease } from "./release.ts";

const MACHINES = { x86_64: "amd64", aarch64: "arm64" } as const;

export function pkgbuild(release: PublicRelease): Record<string, string> {
  const { url, homepage, version, share } = release;
  const sources = Object.entries(MACHINES).map(([machine, name]) => {
    const { file, sha256 } = programFor(release, "linux", name);
    return `source_${machine}=("$pkgname-$pkgver-${machine}::${url}/${file}")
sha256sums_${machine}=('${sha256}')
`;
  });
  const text = `# Maintainer: ${ABOUT.authors} <${ABOUT.email}>
pkgname=pullama-bin
pkgver=${version.replaceAll("-", "_")}
pkgrel=1
pkgdesc="${ABOUT.summary}"
arch=(${Object.keys(MACHINES).map((machine) => `'${machine}'`).join(" ")})
url='${homepage}'
license=('${ABOUT.license}')
depends=('glibc' 'gcc-libs')
provides=('pullama')
conflicts=('pullama')
# What is appended to the program would be cut off.
options=('!strip' '!debug')
source=("$pkgname-$pkgver-share.tar.gz::${url}/${share.file}")
sha256sums=('${share.sha256}')
${sources.join("")}
package() {
  install -Dm755 "$pkgname-$pkgver-$CARCH" "$pkgdir/usr/bin/pullama"
  install -Dm644 share/licenses/pullama/LICENSE "$pkgdir/usr/share/licenses/$pkgname/LICENSE"
  cp -r share/man share/bash-completion share/zsh share/fish "$pkgdir/usr/share/"
}
`;
  return { PKGBUILD: text };
}
