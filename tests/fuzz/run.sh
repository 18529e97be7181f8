#!/usr/bin/env bash
# Fuzzes the parsers: run.sh [SECONDS [PARSER...]], 600 seconds each and all of them by default, two at a time.
# Findings and logs lie in build/fuzz/findings. Exit code: 0 when nothing was found, 1 otherwise.
set -euo pipefail

parsers=(csv tsv jsonl values model_toml feeds_toml)
case "${1:-}" in
-h | --help)
    echo "usage: $0 [SECONDS [PARSER...]]"
    echo "Builds the libFuzzer targets with clang, and runs each for SECONDS (default 600), two at a time."
    echo "PARSER: ${parsers[*]} (default: all)"
    exit 0
    ;;
esac
seconds="${1:-600}"
[ $# -le 1 ] || parsers=("${@:2}")

cd "$(dirname "${BASH_SOURCE[0]}")/../.."
jobs/install-packages.sh build fuzz
jobs/build.sh fuzz fuzz_targets

findings=build/fuzz/findings
mkdir -p "$findings"
export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1

# What was found before is kept in build/fuzz/corpus, and what is in tests/fuzz/corpus is where it begins.
fuzz() {
    local parser="$1" log="$findings/$1.log" corpus="build/fuzz/corpus/$1"
    mkdir -p "$corpus"
    if nice -n 19 "build/fuzz/fuzz/${parser}_fuzz" -max_total_time="$seconds" -max_len=4096 -timeout=20 -rss_limit_mb=2048 \
        -print_final_stats=1 -artifact_prefix="$findings/$parser-" "$corpus" "tests/fuzz/corpus/$parser" >"$log" 2>&1; then
        echo "$parser: clean, $(awk '/number_of_executed_units/ { print $2 }' "$log") inputs in $seconds s," \
            "$(find "$corpus" -type f | wc -l) kept"
    else
        echo "$parser: FOUND something, see $log"
        return 1
    fi
}

failed=0
for ((i = 0; i < ${#parsers[@]}; i += 2)); do
    running=()
    for parser in "${parsers[@]:i:2}"; do
        fuzz "$parser" &
        running+=($!)
    done
    for pid in "${running[@]}"; do wait "$pid" || failed=1; done
done
exit "$failed"
