#!/usr/bin/env bash
# ipscore, installed as DIR/bin/ipscore beside DIR/debian: runs the one that lies in there, with the files, devices, network and
# user of the host. Needs no rights: a user may step into a folder in a user namespace of his own.
set -euo pipefail

root="$(dirname "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")")/debian"

# /var/spool has the socket of Slurm's PMIx.
# shellcheck disable=SC2016
exec unshare --user --map-current-user --keep-caps --mount bash -euc '
    root="$1"
    shift
    for place in /dev /proc /sys /run /tmp /home /mnt /srv /scratch /shared /var/spool /etc/hosts /etc/passwd /etc/group /etc/resolv.conf; do
        if [ -e "$place" ] && [ -e "$root$place" ]; then mount --rbind "$place" "$root$place"; fi
    done
    exec chroot "$root" /usr/bin/env --chdir="$PWD" /opt/ipscore/bin/ipscore "$@"' in-debian "$root" "$@"
