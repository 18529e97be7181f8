#!/usr/bin/env bash
# How long diff takes: two scores of some ten million rows that are the same, that differ in about one row of a hundred, and the
# same as CSV. Prints medians of several runs, in seconds, and the peak memory of the last one.
set -euo pipefail
export LC_ALL=C

here="$(cd -P "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
project="$(dirname "$(dirname "$here")")"

usage() {
    cat <<EOF
usage: $0 [--rows N] [--runs N] [--dir DIR]

  --rows N   observations that the scores are made from (default 8.4M)
  --runs N   of each comparison (default 5)
  --dir DIR  where everything goes (default bench-diff/ in the current directory); what is there is used again
EOF
}

bad_usage() {
    echo "diff.sh: $1" >&2
    exit 2
}

rows=8.4M
runs=5
dir=bench-diff
while [ $# -gt 0 ]; do
    case "$1" in
    -h | --help)
        usage
        exit 0
        ;;
    --rows | --runs | --dir)
        [ $# -ge 2 ] || bad_usage "$1 needs a value"
        case "$1" in
        --rows) rows="$2" ;;
        --runs) runs="$2" ;;
        --dir) dir="$2" ;;
        esac
        shift 2
        ;;
    *) bad_usage "unknown argument '$1'" ;;
    esac
done
[[ "$runs" =~ ^[1-9][0-9]*$ ]] || bad_usage "--runs '$runs' is not a count"

# shellcheck source=../../jobs/env.sh
. "$project/jobs/env.sh"
mkdir -p "$dir"
cd "$dir"

score() { # CLASSIFICATION OUTPUT
    ipscore score --table table/ --classification "$1" --companies data/companies.csv --model data/model.toml --output "$2"
}

if [ ! -e new.csv ]; then
    ipscore generate --rows "$rows" --output data/
    ipscore ingest --store store/ data/observations.csv
    rm data/observations.csv
    ipscore prepare --store store/ --as-of 2026-11-22 --lookback-days 90 --output table/
    score data/classification.csv old/
    # Another weight for one of a hundred rows, which changes about one row of the scores in a hundred.
    awk -F, -v OFS=, 'NR > 1 && NR % 110 == 0 { $NF = $NF == "0.5" ? "0.25" : "0.5" } { print }' data/classification.csv >changed.csv
    score changed.csv new/
    score data/classification.csv same/
    ipscore export old/ --output old.csv
    ipscore export new/ --output new.csv
fi

median_of() { # NAME COMMAND...: the median of the seconds
    local name="$1" seconds=() begin code run
    shift
    for ((run = 0; run < runs; ++run)); do
        begin="$EPOCHREALTIME"
        code=0
        "$@" >out.txt 2>err.txt || code=$?
        seconds+=("$(awk -v a="$begin" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.3f", b - a }')")
        [ "$code" -le 1 ] || {
            cat err.txt >&2
            exit "$code"
        }
    done
    printf '%-28s %s s (code %s): %s\n' "$name" "$(printf '%s\n' "${seconds[@]}" | sort -n | sed -n "$(((runs + 1) / 2))p")" "$code" \
        "$(head -n 1 out.txt)"
}

median_of "identical" ipscore diff old/ same/
median_of "1 % of rows changed" ipscore diff old/ new/
median_of "the same as CSV" ipscore diff old.csv new.csv
/usr/bin/python3 - <<'EOF'
import resource, subprocess
subprocess.run(["ipscore", "diff", "old.csv", "new.csv"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
print(f"peak memory of the last: {resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024:.0f} MiB")
EOF
