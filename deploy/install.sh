#!/usr/bin/env bash
# Installs what is missing, says what it installs, and does nothing the second time.
#   install.sh run    what `make up` needs
#   install.sh dev    + what `make check` and the tests need
#   install.sh lab    + what the tests with real containers, `make demo` and `make bench` need
set -euo pipefail
cd "$(dirname "$0")/.."
level=${1:-run}

run_packages=(python3 python3-venv python3-bpfcc)
dev_packages=(postgresql)
lab_packages=(containerd runc containernetworking-plugins busybox-static iproute2 gcc libc6-dev
  docker.io podman nginx-light redis-server redis-tools wrk bpftrace strace
  prometheus prometheus-alertmanager rsyslog rsyslog-openssl nats-server)

say() { printf 'install: %s\n' "$*"; }

missing() {
  for package in "$@"; do
    [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || echo "$package"
  done
}

# Packages such as nginx start a daemon when they are installed; these are wanted for their programs only.
# In a shell of its own, whose end takes the policy away however it comes: left behind, it would keep every
# later package of this machine from starting.
without_daemons() (
  policy=/usr/sbin/policy-rc.d
  if [ ! -e $policy ]; then
    trap 'rm -f $policy' EXIT
    trap 'exit 130' INT TERM HUP
    printf '#!/bin/sh\nexit 101\n' > $policy
    chmod +x $policy
  fi
  "$@"
)

install_packages() {
  local absent
  mapfile -t absent < <(missing "$@")
  [ ${#absent[@]} -gt 0 ] || return 0
  if ! command -v apt-get >/dev/null; then
    say "this is not Debian or Ubuntu; please install the equivalents of: ${absent[*]}"
  elif [ "$(id -u)" != 0 ]; then
    say "not root, so these stay missing: ${absent[*]}"
    say "cure: sudo apt-get install -y --no-install-recommends ${absent[*]}"
  else
    say "OS packages: ${absent[*]}"
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    without_daemons apt-get install -qq -y --no-install-recommends "${absent[@]}" >/dev/null
  fi
}

find_python() {
  local candidate
  for candidate in ${PYTHON:-python3 /usr/bin/python3}; do
    if "$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      echo "$candidate"
      return
    fi
  done
  say "no Python of at least 3.11 with venv was found (tried: ${PYTHON:-python3, /usr/bin/python3}); set PYTHON=" >&2
  return 1
}

install_venv() {
  local lock=$1 python stamp
  stamp="$(cat pyproject.toml "$lock" | sha256sum | cut -d' ' -f1) $lock"
  # The larger set holds the smaller one, so a development environment also serves `make up`.
  if grep -qsxF -e "$stamp" .venv/installed; then return; fi
  if [ "$lock" = requirements.lock ] && grep -qs requirements-dev.lock .venv/installed; then
    install_venv requirements-dev.lock
    return
  fi
  if [ ! -x .venv/bin/python ]; then
    python=$(find_python)
    say "virtual environment .venv with $("$python" --version)"
    "$python" -m venv .venv
  fi
  say "Python packages of $lock ($(grep -c '==' "$lock"))"
  # The lock file is complete; left to look for dependencies, older pips take a newer release of `coverage[toml]`,
  # whose hash the lock does not hold.
  .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r "$lock"
  .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps -e .
  echo "$stamp" > .venv/installed
}

install_packages "${run_packages[@]}"
if [ "$level" != run ]; then install_packages "${dev_packages[@]}"; fi
if [ "$level" = lab ]; then install_packages "${lab_packages[@]}"; fi
if [ "$level" = run ]; then install_venv requirements.lock; else install_venv requirements-dev.lock; fi
