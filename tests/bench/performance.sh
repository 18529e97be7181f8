#!/usr/bin/env bash
# Measures what docs/performance.md reports, and writes it: builds the program and its benchmarks, makes data, runs each job
# and each of its steps alone, several times, and quotes medians.
set -euo pipefail
export LC_ALL=C

here="$(cd -P "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
project="$(dirname "$(dirname "$here")")"

usage() {
    cat <<EOF2
usage: $0 [--large] [--runs N] [--dir DIR] [--output FILE]

  --large        also with 100 million observations: takes some 40 GB of disk and half an hour
  --runs N       of each command (default 5)
  --dir DIR      where the data goes (default build/performance); what is there is used again
  --output FILE  what is written (default docs/performance.md)
EOF2
}

bad_usage() {
    echo "performance.sh: $1" >&2
    exit 2
}

large=()
runs=5
dir="$project/build/performance"
output="$project/docs/performance.md"
while [ $# -gt 0 ]; do
    case "$1" in
    -h | --help)
        usage
        exit 0
        ;;
    --large) large=(--large) ;;
    --runs | --dir | --output)
        [ $# -ge 2 ] || bad_usage "$1 needs a value"
        case "$1" in
        --runs) runs="$2" ;;
        --dir) dir="$2" ;;
        --output) output="$2" ;;
        esac
        shift
        ;;
    *) bad_usage "unknown argument '$1'; see --help" ;;
    esac
    shift
done
[[ "$runs" =~ ^[1-9][0-9]*$ ]] || bad_usage "--runs '$runs' is not a count"

"$project/jobs/install-packages.sh" build run bench
"$project/jobs/build.sh" bench
# shellcheck source=../../jobs/env.sh
. "$project/jobs/env.sh"
mkdir -p "$dir"
PYTHONDONTWRITEBYTECODE=1 exec /usr/bin/python3 "$here/performance.py" --bin "$project/build/bench/bin" --dir "$dir" --runs "$runs" \
    --output "$output" ${large[@]+"${large[@]}"}
