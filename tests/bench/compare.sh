#!/usr/bin/env bash
# Builds two revisions and runs the same jobs with both in alternation: what a change costs or saves, whole program. Prints medians,
# ratios and peak memory, and ends with exit code 1 when the two do not give the same results.
set -euo pipefail
export LC_ALL=C

here="$(cd -P "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
project="$(dirname "$(dirname "$here")")"

usage() {
    cat <<EOF2
usage: $0 BASE_REV [--rows N] [--runs N] [--ranks N] [--dir DIR]

  BASE_REV   a revision that git knows; it is compared with the working tree
  --rows N   observations (default 8.4M)
  --runs N   of each job with each build (default 7)
  --ranks N  MPI ranks of prepare and score, one thread each; 0: one process with all cores (default 0)
  --dir DIR  where everything goes (default build/compare); builds that are there are used again
EOF2
}

bad_usage() {
    echo "compare.sh: $1" >&2
    exit 2
}

case "${1:-}" in
-h | --help)
    usage
    exit 0
    ;;
'')
    usage >&2
    exit 2
    ;;
esac
revision="$1"
shift
rows=8.4M
runs=7
ranks=0
dir="$project/build/compare"
while [ $# -gt 0 ]; do
    [ $# -ge 2 ] || bad_usage "$1 needs a value"
    case "$1" in
    --rows) rows="$2" ;;
    --runs) runs="$2" ;;
    --ranks) ranks="$2" ;;
    --dir) dir="$2" ;;
    *) bad_usage "unknown argument '$1'; see --help" ;;
    esac
    shift 2
done
[[ "$runs" =~ ^[1-9][0-9]*$ ]] || bad_usage "--runs '$runs' is not a count"
[[ "$ranks" =~ ^[0-9]+$ ]] || bad_usage "--ranks '$ranks' is not a count"
commit="$(git -C "$project" rev-parse --verify --quiet "$revision^{commit}")" || bad_usage "git does not know '$revision'"

mkdir -p "$dir"
dir="$(cd "$dir" && pwd)"
base="$dir/source-$commit"
if [ ! -e "$base/CMakeLists.txt" ]; then
    mkdir -p "$base"
    git -C "$project" archive "$commit" | tar -x -C "$base"
fi
build() { # SOURCE BUILD
    cmake -S "$1" -B "$2" -G Ninja -DCMAKE_BUILD_TYPE=Release -DIPSCORE_TESTS=OFF >/dev/null </dev/null
    cmake --build "$2" --target ipscore </dev/null
}
build "$base" "$dir/build-$commit"
build "$project" "$dir/build-head"

# shellcheck source=../../jobs/env.sh
. "$project/jobs/env.sh"
PYTHONDONTWRITEBYTECODE=1 exec /usr/bin/python3 "$here/compare.py" --base "$dir/build-$commit/bin/ipscore" \
    --head "$dir/build-head/bin/ipscore" --rows "$rows" --runs "$runs" --ranks "$ranks" --dir "$dir/runs"
