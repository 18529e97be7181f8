#!/usr/bin/env bash
# The whole job on made-up data, from nothing: installs what is missing, builds, generates, ingests, prepares, scores on
# some ranks, exports, and shows the best of it. Starts over each time.
set -euo pipefail
export LC_ALL=C

here="$(cd -P "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
project="$(dirname "$here")"

usage() {
    cat <<EOF
usage: $0 [--rows N] [--ranks N] [--dir DIR]

  --rows N    observations to generate (default 8.4M)
  --ranks N   MPI ranks that score (default 4)
  --dir DIR   where everything goes (default demo/ in the project's folder)
EOF
}

bad_usage() {
    echo "demo.sh: $1" >&2
    exit 2
}

rows=8.4M
ranks=4
dir="$project/demo"
[ -f "$project/CMakeLists.txt" ] || dir="$PWD/demo" # an installed copy
while [ $# -gt 0 ]; do
    case "$1" in
    -h | --help)
        usage
        exit 0
        ;;
    --rows | --ranks | --dir)
        [ $# -ge 2 ] || bad_usage "$1 needs a value"
        case "$1" in
        --rows) rows="$2" ;;
        --ranks) ranks="$2" ;;
        --dir) dir="$2" ;;
        esac
        shift 2
        ;;
    *) bad_usage "unknown argument '$1'; see --help" ;;
    esac
done
[[ "$ranks" =~ ^[1-9][0-9]*$ ]] || bad_usage "--ranks '$ranks' is not a count"

mkdir -p "$dir"
dir="$(cd "$dir" && pwd)"
made=(data store table scores scores.csv company-scores.csv)
# The demo deletes what it made before, and must not take somebody's store for its own.
if [ ! -e "$dir/.ipscore-demo" ]; then
    for name in "${made[@]}"; do
        [ ! -e "$dir/$name" ] || bad_usage "$dir/$name is not from this demo; name another --dir"
    done
fi

names=()
seconds=()
step() { # NAME COMMAND...: runs the command and keeps how long it took
    local name="$1" begin="$EPOCHREALTIME"
    shift
    printf '\n==> %s: %s\n' "$name" "$*"
    "$@"
    names+=("$name")
    seconds+=("$(awk -v a="$begin" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.1f", b - a }')")
}

if [ -f "$project/CMakeLists.txt" ]; then
    step packages "$here/install-packages.sh" build run
    step build "$here/build.sh" release ipscore
else
    step packages "$here/install-packages.sh" run
fi
# shellcheck source=jobs/env.sh
. "$here/env.sh"

cd "$dir"
touch .ipscore-demo
rm -rf "${made[@]}"

step generate ipscore generate --rows "$rows" --output data/
step ingest ipscore ingest --store store/ data/observations.csv
step prepare ipscore prepare --store store/ --as-of 2026-11-22 --lookback-days 90 --output table/
step score mpirun -n "$ranks" ipscore score --table table/ --classification data/classification.csv \
    --companies data/companies.csv --model data/model.toml --output scores/
step export ipscore export scores/ --output scores.csv
step "export companies" ipscore export scores/ --companies --output company-scores.csv

# CSV in awk: cells(line) fills cell[1], cell[2], … and column[NAME] finds one by the header's name. A row with a line
# break between quotes is read whole.
# shellcheck disable=SC2016
csv='
    function cells(line,    n, quoted) {
        if (index(line, "\"") == 0) return split(line, cell, ",")
        while ((quoted = gsub(/"/, "\"", line)) % 2 == 1 && (getline more) > 0) line = line "\n" more
        n = 0
        line = line ","
        while (line != "") {
            n++
            if (match(line, /^"([^"]|"")*",/)) {
                cell[n] = substr(line, 2, RLENGTH - 3)
                gsub(/""/, "\"", cell[n])
            } else {
                match(line, /^[^,]*,/)
                cell[n] = substr(line, 1, RLENGTH - 1)
            }
            line = substr(line, RLENGTH + 1)
        }
        return n
    }
    { sub(/\r$/, "") }
    NR == 1 { n = cells($0); for (i = 1; i <= n; i++) column[cell[i]] = i; next }
    function rank_of(score) { return score == "inf" ? 1e300 : score + 0 }
'

# The tags to show: those with the most company rows.
mapfile -t tags < <(awk "$csv"'
    { cells($0); rows[cell[column["tag"]]]++ }
    END {
        for (shown = 0; shown < 3; shown++) {
            best = ""
            for (tag in rows) if (best == "" || rows[tag] > rows[best] || (rows[tag] == rows[best] && tag < best)) best = tag
            if (best == "") break
            print best
            delete rows[best]
        }
    }' company-scores.csv)
[ ${#tags[@]} -gt 0 ] || {
    echo "demo.sh: company-scores.csv holds no rows" >&2
    exit 3
}

best_of() { # FILE TAG COLUMN...: the five rows of the tag with the highest score, as a table
    local file="$1" tag="$2"
    shift 2
    # By the environment, for awk would read backslashes in a -v value.
    tag="$tag" awk -v names="$*" "$csv"'
        BEGIN { tag = ENVIRON["tag"]; width = split(names, name, " ") }
        {
            if (!index($0, tag) && !index($0, "\"")) next
            cells($0)
            if (cell[column["tag"]] != tag) next
            score = rank_of(cell[column["score"]])
            if (kept == 5 && score <= scores[5]) next
            at = kept < 5 ? ++kept : 5
            for (; at > 1 && scores[at - 1] < score; at--) {
                scores[at] = scores[at - 1]
                for (i = 1; i <= width; i++) shown[at, i] = shown[at - 1, i]
            }
            scores[at] = score
            for (i = 1; i <= width; i++) shown[at, i] = cell[column[name[i]]]
        }
        END {
            for (i = 1; i <= width; i++) {
                shown[0, i] = name[i]
                for (row = 0; row <= kept; row++) if (length(shown[row, i]) > wide[i]) wide[i] = length(shown[row, i])
            }
            for (row = 0; row <= kept; row++) {
                line = " "
                # The first column to the left, the numbers to the right, and the last one as it comes.
                for (i = 1; i < width; i++) line = line sprintf(" %" (i == 1 ? "-" : "") wide[i] "s", shown[row, i])
                print line "  " shown[row, width]
            }
        }' "$file"
}

for tag in "${tags[@]}"; do
    printf '\n%s: the best-scored addresses\n' "$tag"
    best_of scores.csv "$tag" ip score surge confident hits keys days last_day company
    printf '\n%s: the best companies\n' "$tag"
    best_of company-scores.csv "$tag" score surge addresses hits days company
done

cat <<EOF

What lies in $dir:
  data/               observations.csv, classification.csv, companies.csv, model.toml
  store/              the observations, sorted
  table/              the days that the model looks back on, in parts
  scores/             the result (HDF5; run.json says what ran)
  scores.csv          a row for each address and tag
  company-scores.csv  a row for each company and tag

EOF
for i in "${!names[@]}"; do printf '%-18s %8s s\n' "${names[$i]}" "${seconds[$i]}"; done
