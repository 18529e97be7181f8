#!/usr/bin/env bash
# The whole job on many made-up observations, more than there is room for as text: each piece is generated, taken in and
# removed. Prints what docs/scale.md reports: seconds, memory and bytes of each step, and seconds per million observations.
set -euo pipefail
export LC_ALL=C

here="$(cd -P "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
project="$(dirname "$(dirname "$here")")"

usage() {
    cat <<EOF
usage: $0 ROWS PIECES [--addresses N] [--ranks N] [--memory SIZE] [--min-score X] [--dir DIR]

  ROWS PIECES      observations, such as 1G, and in how many pieces they are made, such as 40
  --addresses N    distinct addresses (default: a twentieth of 1G: 50M)
  --ranks N        MPI ranks of prepare and score, one thread each (default 2)
  --memory SIZE    --memory of every step and rank (default 1GiB)
  --min-score X    min_score of the model (default 5)
  --dir DIR        where everything goes (default scale/ in the current directory); emptied first
EOF
}

bad_usage() {
    echo "scale.sh: $1" >&2
    exit 2
}

[ $# -ge 2 ] || {
    usage >&2
    exit 2
}
rows="$1"
pieces="$2"
shift 2
addresses=50M
ranks=2
memory=1GiB
min_score=5
dir=scale
while [ $# -gt 0 ]; do
    [ $# -ge 2 ] || bad_usage "$1 needs a value"
    case "$1" in
    --addresses) addresses="$2" ;;
    --ranks) ranks="$2" ;;
    --memory) memory="$2" ;;
    --min-score) min_score="$2" ;;
    --dir) dir="$2" ;;
    *) bad_usage "unknown argument '$1'" ;;
    esac
    shift 2
done
[[ "$pieces" =~ ^[1-9][0-9]*$ ]] || bad_usage "PIECES '$pieces' is not a count"

# shellcheck source=../../jobs/env.sh
. "$project/jobs/env.sh"
mkdir -p "$dir"
cd "$dir"
[ -e .ipscore-scale ] || [ -z "$(ls -A .)" ] || bad_usage "$dir is not from here; name another --dir"
touch .ipscore-scale
rm -rf data store table scores

lines=()
# Runs the command and keeps the seconds that pass.
step() { # NAME COMMAND...
    local name="$1" begin="$EPOCHREALTIME"
    shift
    "$@"
    add "$name" "$(awk -v a="$begin" -v b="$EPOCHREALTIME" 'BEGIN { print b - a }')"
}
add() { # NAME SECONDS
    lines+=("$(printf '%-10s %8.1f s' "$1" "$2")")
    echo "${lines[-1]}"
}
bytes() { du -sb "$1" | cut -f1; }

generate_seconds=0
ingest_seconds=0
for ((piece = 1; piece <= pieces; ++piece)); do
    begin="$EPOCHREALTIME"
    ipscore generate --rows "$rows" --piece "$piece/$pieces" --addresses "$addresses" --keys 1M --tags 300 --output data/
    middle="$EPOCHREALTIME"
    mv data/observations.csv "data/observations-$piece.csv"
    ipscore ingest --store store/ --memory "$memory" "data/observations-$piece.csv"
    rm "data/observations-$piece.csv"
    end="$EPOCHREALTIME"
    generate_seconds="$(awk -v s="$generate_seconds" -v a="$begin" -v b="$middle" 'BEGIN { print s + b - a }')"
    ingest_seconds="$(awk -v s="$ingest_seconds" -v a="$middle" -v b="$end" 'BEGIN { print s + b - a }')"
done
add generate "$generate_seconds"
add ingest "$ingest_seconds"
sed -i "s/^min_score = 0.0.*/min_score = $min_score/" data/model.toml
ingested_bytes="$(bytes store)"
step prepare mpirun -n "$ranks" ipscore prepare --store store/ --as-of 2026-11-22 --lookback-days 90 --output table/ --threads 1 \
    --memory "$memory"
step score mpirun -n "$ranks" ipscore score --table table/ --classification data/classification.csv \
    --companies data/companies.csv --model data/model.toml --output scores/ --threads 1 --memory "$memory"
# What it costs to keep the store in few segments, which the steps before do not need up to some 64 of them.
step compact ipscore compact --store store/ --memory "$memory"

printf '\n%s observations in %s pieces, %s ranks, --memory %s, min_score %s\n' "$rows" "$pieces" "$ranks" "$memory" "$min_score"
printf '%s\n' "${lines[@]}"
printf 'bytes: store %s, compacted %s, table %s, scores %s\n' "$ingested_bytes" "$(bytes store)" "$(bytes table)" "$(bytes scores)"
/usr/bin/python3 - <<'EOF'
import json
for verb, directory in (("prepare", "table"), ("score", "scores")):
    run = json.load(open(f"{directory}/run.json"))
    peak = max(rank["peak_memory_bytes"] for rank in run["ranks"])
    print(f"{verb}: peak memory of a rank {peak / 2**20:.0f} MiB; seconds per phase {run['phases_seconds']}; counts {run['counts']}")
EOF
