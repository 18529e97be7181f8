#!/usr/bin/env bash
# Installs what is missing of jobs/packages.txt: install-packages.sh [GROUP...], all groups when none is named.
# A machine that has everything needs neither network nor root.
set -euo pipefail

list="$(dirname "${BASH_SOURCE[0]}")/packages.txt"

case "${1:-}" in
-h | --help)
    echo "usage: $0 [GROUP...]"
    echo "Installs the Debian packages of the groups (build, run, batch, test and others; default: all) that are missing."
    exit 0
    ;;
esac

for group in "$@"; do
    if ! grep -qxF "[$group]" "$list"; then
        echo "install-packages.sh: no group '$group' in $list" >&2
        exit 2
    fi
done

wanted=()
group=
while read -r word _; do
    case "$word" in
    '' | '#'*) ;;
    '['*']') group="${word:1:-1}" ;;
    *) if [ $# -eq 0 ] || [[ " $* " == *" $group "* ]]; then wanted+=("$word"); fi ;;
    esac
done <"$list"

missing=()
for package in "${wanted[@]}"; do
    status="$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true)"
    [ "$status" = installed ] || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

cannot() {
    echo "install-packages.sh: $1; install as root: apt-get install --no-install-recommends ${missing[*]}" >&2
    exit 3
}

as_root=()
if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || cannot "neither root nor sudo"
    # sudo may ask for a password, which takes a terminal.
    sudo -n true 2>/dev/null || sudo -v || cannot "sudo is refused"
    as_root=(sudo)
fi

apt() {
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=300 "$@" </dev/null
}

echo "installing ${missing[*]}"
apt update || cannot "apt-get update failed"
apt install --yes --no-install-recommends "${missing[@]}" || cannot "apt-get install failed"
