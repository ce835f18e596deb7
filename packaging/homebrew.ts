/** A formula for a tap of Homebrew. */

import { ABOUT, type Machine, programFor, type PublicRelease, type System } from "./release.ts";

export function formula(release: PublicRelease): Record<string, string> {
  const program = (system: System, machine: Machine) => {
    const { file, sha256 } = programFor(release, system, machine);
    return `url "${release.url}/${file}"\n      sha256 "${sha256}"`;
  };
  const text = `class Pullama < Formula
  desc "${ABOUT.summary}"
  homepage "${release.homepage}"
  version "${release.version}"
  license "${ABOUT.license}"

  on_macos do
    on_arm do
      ${program("darwin", "arm64")}
    end
    on_intel do
      ${program("darwin", "amd64")}
    end
  end

  on_linux do
    on_arm do
      ${program("linux", "arm64")}
    end
    on_intel do
      ${program("linux", "amd64")}
    end
  end

  resource "share" do
    url "${release.url}/${release.share.file}"
    sha256 "${release.share.sha256}"
  end

  def install
    bin.install Dir["pullama-*"].first => "pullama"
    chmod 0755, bin/"pullama"
    resource("share").stage { share.install Dir["*"] }
  end

  test do
    assert_match version.to_s, shell_output("#{bin}/pullama version")
  end
end
`;
  return { "pullama.rb": text };
}
