#!/bin/sh
# Installs pullama on Linux and macOS, for the user who runs it:
#
#     curl --proto '=https' --proto-redir '=https' -fsSL ADDRESS/install.sh | sh
#
# PULLAMA_BIN_DIR   directory to install to, default ~/.local/bin
# PULLAMA_BASE_URL  https URL to download from, default the release that this script is part of
#
# Replaces an older pullama and changes nothing else. Needs curl or wget, and sha256sum or shasum.
# The script of a release has its checksums: it installs the files of that release, from anywhere.

set -eu

# As in SHA256SUMS; filled in for a release.
sums='@SHA256SUMS@'

# fail MESSAGE [HINT]
fail() {
  printf 'cannot install pullama: %s\n' "$1" >&2
  [ $# -lt 2 ] || printf 'hint: %s\n' "$2" >&2
  exit 1
}

has() {
  command -v "$1" >/dev/null 2>&1
}

# The name of the release file for this machine.
pick() {
  system=$(uname -s)
  machine=$(uname -m)
  case $system in
    Linux)
      case $(ldd --version 2>&1 || :) in
        *musl*)
          fail 'the Linux build needs glibc, but this system uses musl, like Alpine' \
            'use Debian, Ubuntu or Fedora, or a container of one of them'
          ;;
      esac
      os=linux
      ;;
    Darwin)
      os=darwin
      # An Intel shell on Apple silicon.
      [ "$(sysctl -n sysctl.proc_translated 2>/dev/null || :)" != 1 ] || machine=arm64
      ;;
    MINGW* | MSYS* | CYGWIN*) fail 'this script does not support Windows' 'run install.ps1 in PowerShell' ;;
    *)
      fail "no build for $system" \
        'with Deno installed, run: deno install -g -n pullama --allow-net --allow-read --allow-write --allow-env --allow-sys=statfs,osUptime,hostname,systemMemoryInfo,uid,networkInterfaces jsr:@pullama/cli'
      ;;
  esac
  case $machine in
    x86_64 | amd64) arch=amd64 ;;
    aarch64 | arm64) arch=arm64 ;;
    *) fail "no build for $system on $machine" 'supported are amd64 (x86_64) and arm64 (aarch64)' ;;
  esac
  printf 'pullama-%s-%s\n' "$os" "$arch"
}

# wget_https URL FILE: wget itself would follow a redirect from https to http.
wget_https() {
  url=$1
  for _hop in 1 2 3 4 5 6; do
    case $url in
      https://*) ;;
      *) return 1 ;;
    esac
    wget -q -S --max-redirect=0 -O "$2" "$url" 2>"$work/head" && return
    next=
    while read -r name value; do
      case $name in [Ll]ocation:) next=$value ;; esac
    done <"$work/head"
    host=${url#https://}
    case $next in
      //*) url=https:$next ;;
      /*) url=https://${host%%/*}$next ;;
      *) url=$next ;;
    esac
  done
  return 1
}

# fetch URL FILE
fetch() {
  if has curl; then
    curl --proto '=https' --proto-redir '=https' -fsSL --retry 3 -o "$2" "$1"
  elif has wget; then
    wget_https "$1" "$2"
  else
    fail 'neither curl nor wget found' 'install one of them'
  fi || fail "$1 cannot be downloaded" 'check the network connection and the proxy, or set PULLAMA_BASE_URL to another URL'
}

# The SHA-256 of a file.
sum_of() {
  if has sha256sum; then
    sum=$(sha256sum "$1")
  elif has shasum; then
    sum=$(shasum -a 256 "$1")
  else
    fail 'neither sha256sum nor shasum found to verify the download' 'install coreutils or perl'
  fi
  printf '%s\n' "${sum%% *}"
}

# listed FILE NAME: the SHA-256 of NAME in the checksum file FILE.
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
    @*) fail 'no URL to download from' 'set PULLAMA_BASE_URL, or use the install.sh of a release' ;;
    https://*) ;;
    *) fail "$base is not an https URL" 'set PULLAMA_BASE_URL to one that begins with https://' ;;
  esac
  base=${base%/}
  if [ -n "${PULLAMA_BIN_DIR:-}" ]; then
    dir=$PULLAMA_BIN_DIR
  else
    dir=${HOME:?cannot install pullama: HOME is not set}/.local/bin
  fi
  file=$(pick)

  writable='choose another directory with PULLAMA_BIN_DIR'
  mkdir -p "$dir" 2>/dev/null || fail "directory $dir cannot be created" "$writable"
  dir=$(cd "$dir" && pwd)
  # On the same file system, so that the program is replaced atomically.
  work=$(mktemp -d "$dir/.pullama-XXXXXX" 2>/dev/null) || fail "directory $dir is not writable" "$writable"
  trap 'rm -rf "$work"' EXIT
  trap 'exit 1' HUP INT TERM

  printf 'downloading %s/%s\n' "$base" "$file"
  case $sums in
    @*) fetch "$base/SHA256SUMS" "$work/SHA256SUMS" ;;
    *) printf '%s\n' "$sums" >"$work/SHA256SUMS" ;;
  esac
  wanted=$(listed "$work/SHA256SUMS" "$file")
  [ -n "$wanted" ] || fail "the checksums of this release do not list $file"
  fetch "$base/$file" "$work/pullama"
  got=$(sum_of "$work/pullama")
  [ "$got" = "$wanted" ] || fail "checksum mismatch for $file: got $got, expected $wanted" \
    'try again; if this happens again, do not use that file'

  chmod 755 "$work/pullama"
  version=$("$work/pullama" version 2>"$work/error") ||
    fail "the downloaded program does not run: $(head -n 1 "$work/error")" 'on Linux it needs glibc 2.27 or newer'
  mv -f "$work/pullama" "$dir/pullama" || fail "$dir/pullama cannot be replaced" "$writable"
  printf 'installed %s as %s/pullama\n' "$version" "$dir"
  case :${PATH:-}: in
    *":$dir:"*) ;;
    *) printf "to add it to your PATH, put this in your shell profile: export PATH=\"%s:\$PATH\"\\n" "$dir" ;;
  esac
  printf 'to uninstall: rm "%s/pullama"\n' "$dir"
}

# Called on the last line: a script that was downloaded in part does nothing.
main
