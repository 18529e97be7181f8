#!/usr/bin/env bash
# Configures and builds a preset of CMakePresets.json into build/PRESET: build.sh [PRESET [TARGET...]], default release.
set -euo pipefail

case "${1:-}" in
-h | --help)
    echo "usage: $0 [PRESET [TARGET...]]"
    echo "Builds the preset (release, dev, asan, tsan; default release), or only the targets of it that are named."
    exit 0
    ;;
esac
preset="${1:-release}"
targets=("${@:2}")

cd "$(dirname "${BASH_SOURCE[0]}")/.."

# As many compilers as cores, with 1.5 GB each.
cores="$(nproc)"
available_kib="$(awk '/^MemAvailable:/ { print $2 }' /proc/meminfo)"
if [ -r /sys/fs/cgroup/memory.max ]; then
    limit_bytes="$(cat /sys/fs/cgroup/memory.max)"
    if [ "$limit_bytes" != max ] && [ $((limit_bytes / 1024)) -lt "$available_kib" ]; then
        available_kib=$((limit_bytes / 1024))
    fi
fi
jobs=$((available_kib / (1536 * 1024)))
[ "$jobs" -le "$cores" ] || jobs="$cores"
[ "$jobs" -ge 1 ] || jobs=1

# Without stdin: nothing here asks.
cmake --preset "$preset" </dev/null
cmake --build --preset "$preset" -j "$jobs" ${targets[@]+--target "${targets[@]}"} </dev/null
