#!/usr/bin/env bash
# The custom action of the head node (OnNodeConfigured): bootstrap.sh SOURCE DIR
# makes ipscore in DIR, on the shared file system, from SOURCE, an archive of the project: s3://..., or a file.
#
# ipscore is for Debian 12, which no image of ParallelCluster is, and Ubuntu has other versions of what it needs. So a Debian 12
# is put into DIR/debian, with the packages of jobs/packages.txt, and ipscore is built and runs in there. DIR/bin/ipscore steps
# into it (in-debian.sh); DIR/share/ipscore has the rest. Compute nodes need nothing of their own.
set -euo pipefail
export LC_ALL=C

[ $# -eq 2 ] || {
    echo "usage: $0 SOURCE DIR" >&2
    exit 2
}
source="$1"
dir="$2"
root="$dir/debian"

if [ -x "$dir/bin/ipscore" ]; then
    echo "bootstrap.sh: $dir/bin/ipscore is there already; remove $dir to make it anew"
    exit 0
fi

export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -qq --yes --no-install-recommends debootstrap debian-archive-keyring
archive="$(mktemp)"
trap 'rm -f "$archive"' EXIT
case "$source" in
s3://*) aws s3 cp --only-show-errors "$source" "$archive" ;;
*) cp "$source" "$archive" ;;
esac

# What an earlier attempt left is no base to build on.
rm -rf "$root"
mkdir -p "$dir/bin" "$root"
debootstrap --variant=minbase bookworm "$root" http://deb.debian.org/debian

mkdir "$root/project"
tar -x -z -f "$archive" -C "$root/project" --no-same-owner
cp /etc/resolv.conf "$root/etc/resolv.conf"
for place in proc sys dev; do mount --rbind --make-rslave "/$place" "$root/$place"; done
trap 'rm -f "$archive"; umount -R -l "$root/proc" "$root/sys" "$root/dev"' EXIT
chroot "$root" /bin/bash -euc '
    cd /project
    jobs/install-packages.sh build run
    jobs/build.sh release ipscore
    cmake --install build/release --prefix /opt/ipscore
    rm -rf build'

# Where the host and Debian meet: in-debian.sh mounts the folders of the host over these.
mkdir -p "$root/shared" "$root/scratch"
cp -a "$root/opt/ipscore/share" "$dir/"
install -m 755 "$root/opt/ipscore/share/ipscore/jobs/parallelcluster/in-debian.sh" "$dir/bin/ipscore"
echo "bootstrap.sh: $("$dir/bin/ipscore" --version) in $dir/bin"
