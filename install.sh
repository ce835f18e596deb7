#!/bin/sh
# Installs pullama on Linux and macOS, for the user who runs it:
#
#     curl -fsSL ADDRESS/install.sh | sh
#
# PULLAMA_BIN_DIR   where it is put, default ~/.local/bin
# PULLAMA_BASE_URL  where it is downloaded from, default the release that this script belongs to
#
# It replaces an older pullama, touches nothing else, and needs curl or wget, and sha256sum or shasum.

set -eu

# fail SENTENCE [HINT]
fail() {
  printf 'cannot install pullama: %s\n' "$1" >&2
  [ $# -lt 2 ] || printf 'hint: %s\n' "$2" >&2
  exit 1
}

has() {
  command -v "$1" >/dev/null 2>&1
}

# The name of the file for this machine.
pick() {
  system=$(uname -s)
  machine=$(uname -m)
  case $system in
    Linux)
      case $(ldd --version 2>&1 || :) in
        *musl*)
          fail 'the Linux program needs glibc, and this system has musl, as Alpine does' \
            'use Debian, Ubuntu, Fedora or a container of one of them'
          ;;
      esac
      os=linux
      ;;
    Darwin)
      os=darwin
      # A shell for Intel on Apple silicon.
      [ "$(sysctl -n sysctl.proc_translated 2>/dev/null || :)" != 1 ] || machine=arm64
      ;;
    MINGW* | MSYS* | CYGWIN*) fail 'this script is not for Windows' 'use install.ps1 in PowerShell' ;;
    *) fail "there is no program for $system" 'with Deno installed: deno install -g -A -n pullama jsr:@pullama/cli' ;;
  esac
  case $machine in
    x86_64 | amd64) arch=amd64 ;;
    aarch64 | arm64) arch=arm64 ;;
    *) fail "there is no program for $system on $machine" 'there are amd64 (x86_64) and arm64 (aarch64)' ;;
  esac
  printf 'pullama-%s-%s\n' "$os" "$arch"
}

# fetch ADDRESS FILE
fetch() {
  if has curl; then
    curl -fsSL --retry 3 -o "$2" "$1"
  elif has wget; then
    wget -q -O "$2" "$1"
  else
    fail 'there is neither curl nor wget' 'install one of them'
  fi || fail "$1 cannot be downloaded" 'look at the connection and the proxy; PULLAMA_BASE_URL names another address'
}

# The sha256 of a file.
sum_of() {
  if has sha256sum; then
    sum=$(sha256sum "$1")
  elif has shasum; then
    sum=$(shasum -a 256 "$1")
  else
    fail 'there is neither sha256sum nor shasum, so the download cannot be checked' 'install coreutils or perl'
  fi
  printf '%s\n' "${sum%% *}"
}

# The sha256 that the list FILE has for NAME.
listed() {
  while read -r sum name; do
    if [ "$name" = "$2" ]; then
      printf '%s\n' "$sum"
      return
    fi
  done <"$1"
}

main() {
  base=${PULLAMA_BASE_URL:-@BASE_URL@}
  case $base in
    @*) fail 'it is not known where to download it from' 'set PULLAMA_BASE_URL, or take the install.sh of a release' ;;
  esac
  base=${base%/}
  if [ -n "${PULLAMA_BIN_DIR:-}" ]; then
    dir=$PULLAMA_BIN_DIR
  else
    dir=${HOME:?cannot install pullama: HOME is not set}/.local/bin
  fi
  file=$(pick)

  writable='choose another folder with PULLAMA_BIN_DIR'
  mkdir -p "$dir" 2>/dev/null || fail "the folder $dir cannot be made" "$writable"
  dir=$(cd "$dir" && pwd)
  # Beside the place it goes to, so that it is there as a whole or not at all.
  work=$(mktemp -d "$dir/.pullama-XXXXXX" 2>/dev/null) || fail "nothing can be written to $dir" "$writable"
  trap 'rm -rf "$work"' EXIT
  trap 'exit 1' HUP INT TERM

  printf 'downloading %s/%s\n' "$base" "$file"
  fetch "$base/SHA256SUMS" "$work/SHA256SUMS"
  wanted=$(listed "$work/SHA256SUMS" "$file")
  [ -n "$wanted" ] || fail "$base/SHA256SUMS does not list $file"
  fetch "$base/$file" "$work/pullama"
  got=$(sum_of "$work/pullama")
  [ "$got" = "$wanted" ] || fail "the sha256 of $file is $got, and not $wanted" \
    'try again; if it stays so, do not use that file'

  chmod 755 "$work/pullama"
  version=$("$work/pullama" version 2>"$work/why") ||
    fail "the program does not run here: $(head -n 1 "$work/why")" 'on Linux it needs glibc 2.27 or newer'
  mv -f "$work/pullama" "$dir/pullama" || fail "$dir/pullama cannot be replaced" "$writable"
  printf 'installed %s as %s/pullama\n' "$version" "$dir"
  case :${PATH:-}: in
    *":$dir:"*) ;;
    *) printf "to have it on the PATH, add to the profile of your shell: export PATH=\"%s:\$PATH\"\\n" "$dir" ;;
  esac
  printf 'to remove it: rm "%s/pullama"\n' "$dir"
}

# All at the end: of a script that arrived in part nothing is run.
main
