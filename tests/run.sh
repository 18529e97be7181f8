#!/usr/bin/env bash
# Everything that a change must pass: installs what is missing, checks the format, builds, tests, lints.
# The functions below are called by step.
# shellcheck disable=SC2317
set -uo pipefail
exec </dev/null

usage() {
    cat <<EOF
usage: $0 [--fast | --all]

  (default)  format, build of the preset dev (warnings are errors, assertions on), every test that is not labelled
             slow, clang-tidy: what runs on every change
  --fast     format, the same build, the tests labelled fast; at most 2 minutes of testing
  --all      the default, the tests labelled slow, and the tests without MPI under AddressSanitizer with
             UndefinedBehaviorSanitizer and under ThreadSanitizer

Logs of the steps: build/test-logs. Exit code: 0 when every step passed, 1 otherwise, 2 for bad usage.
EOF
}

mode=default
case "$#:${1:-}" in
0:) ;;
1:--fast) mode=fast ;;
1:--all) mode=all ;;
1:-h | 1:--help)
    usage
    exit 0
    ;;
*)
    usage >&2
    exit 2
    ;;
esac

cd -P "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
project="$PWD"
cores="$(nproc)"
logs="$project/build/test-logs"
rm -rf "$logs"
mkdir -p "$logs"

# step NAME COMMAND...: runs the command with a log of its own, and says and keeps how it went.
summary=()
failed=0
step() {
    local name="$1" log="$logs/${1// /-}.log" verdict=passed status
    shift
    printf '\n==> %s\n' "$name"
    local begin="$SECONDS"
    "$@" 2>&1 | tee "$log"
    status="${PIPESTATUS[0]}"
    if [ "$status" -ne 0 ]; then
        verdict=FAILED
        failed=1
    fi
    printf '<== %s: %s, %d s\n' "$name" "$verdict" "$((SECONDS - begin))"
    summary+=("$(printf '%-6s %5d s  %s' "$verdict" "$((SECONDS - begin))" "$name")")
    # What ctest itself says at its end, from "N% tests passed" on.
    if grep -q '% tests passed' "$log"; then
        summary+=("$(sed -n '/% tests passed/,$ { /^Errors while/d; /^$/d; s/^/                 /; p }' "$log")")
    fi
    return "$status"
}

finish() {
    printf '\nSummary\n'
    printf '%s\n' "${summary[@]}"
    if [ "$failed" -ne 0 ]; then
        echo "run.sh: FAILED (logs: $logs)"
        exit 1
    fi
    echo "run.sh: everything passed"
    exit 0
}

check_format() {
    local files
    mapfile -t files < <(find src include tests \( -name '*.cpp' -o -name '*.hpp' -o -name '*.c' -o -name '*.h' \) | sort)
    [ "${#files[@]}" -gt 0 ] || {
        echo "no source files"
        return 1
    }
    clang-format --dry-run --Werror "${files[@]}" && echo "${#files[@]} files"
}

# Clang does not know every warning that GCC is told to leave out.
# All of src, and through it the headers of include/ipscore.
tidy() {
    local log="$logs/clang-tidy-full.log" status
    run-clang-tidy -quiet -p build/dev -j "$cores" -extra-arg=-Wno-unknown-warning-option "^$(printf '%s' "$project" | sed 's/[^A-Za-z0-9_/-]/\\&/g')/src/" >"$log" 2>&1
    status=$?
    # A file that could not be looked at is no file that passed.
    [ "$(grep -c '^clang-tidy' "$log")" -gt 0 ] || {
        tail -n 20 "$log"
        echo "no source file was looked at"
        return 1
    }
    [ "$status" -eq 0 ] || grep -v -E '^(clang-tidy|[0-9]+ warnings? generated|$)' "$log"
    echo "$(grep -c '^clang-tidy' "$log") files"
    return "$status"
}

# No test at all is a failure too.
ctest=(ctest --output-on-failure --no-tests=error -j "$cores")

# timeout makes a process group of its own, so that it also ends the tests that ctest has started.
within_two_minutes() {
    local status
    timeout 120 "$@"
    status=$?
    [ "$status" -ne 124 ] || echo "the tests took more than 2 minutes"
    return "$status"
}

# ThreadSanitizer of GCC 12 does not stand the address randomisation of newer kernels. The build needs this as well, for it
# runs the test programs to list their tests.
without_randomisation=()
if setarch -R true 2>/dev/null; then without_randomisation=(setarch -R); fi

# What tells ThreadSanitizer about TBB. LD_PRELOAD knows no spaces, so it lies where there are none.
tsan_tbb="$(mktemp -d "${TMPDIR:-/tmp}/ipscore-tsan.XXXXXX")/tsan_tbb.so"
trap 'rm -rf "$(dirname "$tsan_tbb")"' EXIT
build_tsan() {
    "${without_randomisation[@]}" jobs/build.sh tsan &&
        g++ -std=c++20 -O1 -fPIC -shared -Wall -Wextra -Werror tests/suppressions/tsan_tbb.cpp -o "$tsan_tbb"
}

step packages jobs/install-packages.sh || finish
# shellcheck source=jobs/env.sh
. jobs/env.sh

step format check_format
step "build dev" jobs/build.sh dev || finish

if [ "$mode" = fast ]; then
    step "test fast" within_two_minutes "${ctest[@]}" --preset dev -L '^fast$'
    finish
fi

step "test dev" "${ctest[@]}" --preset dev -LE '^slow$'
step clang-tidy tidy

if [ "$mode" = all ]; then
    step "test slow" "${ctest[@]}" --preset dev -L '^slow$'

    # Not the test presets asan and tsan: ctest would join their filters with these by "and", and slow tests would stay in.
    # The tests of label cli start Open MPI, whose leaks take slow stacks to tell from ours.
    export UBSAN_OPTIONS="print_stacktrace=1:halt_on_error=1"
    export LSAN_OPTIONS="suppressions='$project/tests/suppressions/lsan.supp':print_suppressions=0"
    asan="detect_leaks=1:strict_string_checks=1"
    if step "build asan" jobs/build.sh asan; then
        step "test asan" env ASAN_OPTIONS="$asan" \
            "${ctest[@]}" --test-dir build/asan -LE '^(mpi|cli|services|slow)$'
        step "test asan cli" env ASAN_OPTIONS="$asan:fast_unwind_on_malloc=0" \
            "${ctest[@]}" --test-dir build/asan -L '^cli$' -LE '^(mpi|slow)$'
    fi
    # Open MPI and HDF5 are not instrumented, and ThreadSanitizer does not see what they lock.
    export TSAN_OPTIONS="suppressions='$project/tests/suppressions/tsan.supp':ignore_noninstrumented_modules=1:detect_deadlocks=0:report_thread_leaks=0"
    if step "build tsan" build_tsan; then
        step "test tsan" "${without_randomisation[@]}" env LD_PRELOAD="$tsan_tbb" \
            "${ctest[@]}" --test-dir build/tsan -L '^unit$' -LE '^slow$'
    fi
fi
finish
