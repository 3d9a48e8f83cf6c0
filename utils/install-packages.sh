#!/usr/bin/env bash
# Installs those of the given Debian packages that are missing, as root or with
# sudo, and says so in one line.
set -euo pipefail

missing=()
for package in "$@"; do
  if [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" != installed ]; then
    missing+=("$package")
  fi
done
if [ ${#missing[@]} -eq 0 ]; then
  echo "all installed"
  exit
fi
echo "installing ${missing[*]}"
as_root=()
if [ "$(id -u)" -ne 0 ]; then
  as_root=(sudo)
fi
# An interrupted installation leaves packages unpacked but not configured.
"${as_root[@]}" dpkg --configure -a
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
  apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
