# shellcheck shell=bash
# What the .sbatch files of this folder share: each sources it after its settings. Nothing here needs editing.
#
#     step ranks ipscore prepare …    a step of the job, with all its tasks; when it fails, the job ends or goes back into the queue
#     step alone ipscore export …     the same with one task
#     run …                           as step, but returns the exit code; `finish CODE` does the rest then
#     end CODE                        ends a job that has done all its steps
#
# A job is to go on in another run when it was stopped with its work saved (exit code 75), such as by Slurm's signal before the time
# limit, and when a rank was killed or a node was lost. Any other exit code of a step is that of the job.
set -euo pipefail
export LC_ALL=C

[ -n "${SLURM_JOB_ID:-}" ] || {
    echo "${0##*/}: is for Slurm: sbatch $0" >&2
    exit 2
}
restarts="${SLURM_RESTART_COUNT:-0}"
# The SLURM_JOB_ID of one task of an array stands for the whole array, so that all of it would be requeued.
job="${SLURM_ARRAY_JOB_ID:+${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID}"
job="${job:-$SLURM_JOB_ID}"

say() { # LEVEL MESSAGE: a line like those of ipscore
    printf 'time=%s level=%s job=%s restarts=%s msg="%s"\n' "$(date -u +%FT%T.%3NZ)" "$1" "$job" "$restarts" "${2//\"/\\\"}" >&2
}

# shellcheck source=jobs/env.sh
. "$IPSCORE_HOME/jobs/env.sh"
# shellcheck source=jobs/wait-for.sh
. "$IPSCORE_HOME/jobs/wait-for.sh"
command -v ipscore >/dev/null || {
    say error "there is no ipscore on ${SLURMD_NODENAME:-this node}; build it in $IPSCORE_HOME, or install it and set IPSCORE_HOME to its share/ipscore"
    exit 2
}
[ -z "$SCRATCH" ] || export TMPDIR="$SCRATCH"

# What a rank may take. SLURM_TASKS_PER_NODE is like 2(x3),1; the fullest node counts.
ranks_per_node="$(tr , '\n' <<<"${SLURM_TASKS_PER_NODE:-1}" | sed 's/(.*//' | sort -n | tail -n 1)"
threads="${SLURM_CPUS_PER_TASK:-$((SLURM_CPUS_ON_NODE > ranks_per_node ? SLURM_CPUS_ON_NODE / ranks_per_node : 1))}"
node_mib="${SLURM_MEM_PER_NODE:-$((${SLURM_MEM_PER_CPU:-0} * SLURM_CPUS_ON_NODE))}"
# A tenth is left for Slurm, MPI and this shell. Slurm tells of no limit with --mem=0: ipscore itself looks at the node then.
memory=()
[ "$node_mib" -eq 0 ] || memory=(--memory "$((node_mib * 9 / 10 / ranks_per_node))MiB")
rank_limits=(--threads "$threads" "${memory[@]}")

# What another run of this job has to know; it stays when the job fails, for somebody may requeue it when the cause is gone. Slurm
# gives the number of an old job to a new one some day.
notes="${OUT:+$OUT/.job-$SLURM_JOB_ID}"
if [ -n "$notes" ]; then
    mkdir -p "$OUT"
    if ((restarts == 0)); then rm -f "$notes"; fi
    touch "$notes"
fi

end() { # CODE
    [ -z "$notes" ] || rm -f "$notes"
    exit "$1"
}

running=  # process id of the step's srun
stopping= # the signal that this job got

# srun passes signals on. Again and again, for one that comes before the tasks have begun is lost.
forward_stop() {
    (while kill -USR1 "$running" 2>/dev/null; do sleep 5; done) &
}

on_stop() { # SIGNAL
    stopping="$1"
    interrupted=1
    say warning "SIG$1: asks the step that runs to stop"
    [ -z "$running" ] || forward_stop
}
trap 'on_stop USR1' USR1 # the time limit is near
trap 'on_stop TERM' TERM # scancel or a preemption: whoever sent it decides what becomes of the job

# Where task 0, which is on the node of this script, says that it has begun: srun 22.05 ends with 0 also when it could not start any.
begun="$(mktemp /tmp/ipscore-job.XXXXXX)"
trap 'rm -f "$begun"' EXIT

launch() { # COMMAND...: its exit code
    local code=0
    : >"$begun"
    "$@" &
    running=$!
    [ -z "$stopping" ] || forward_stop
    wait_through_signals "$running" || code=$?
    running=
    return "$code"
}

run() { # ranks|alone COMMAND...: its exit code; 75 without running it when the job was asked to stop, 3 when Slurm could not run it
    # srun takes neither --cpus-per-task from sbatch (since 22.05) nor, after sbatch --export=NAME=…, variables that are not named there.
    # Without --kill-on-bad-exit ranks would wait for one that is gone.
    local attempt code step=(srun --export=ALL --kill-on-bad-exit=1 --cpus-per-task="$threads")
    case "$1" in
    ranks) step+=(--mpi=pmix) ;;
    alone) step+=(--mpi=none --nodes=1 --ntasks=1 --ntasks-per-node=1 --nodelist="$SLURMD_NODENAME") ;;
    esac
    shift
    # shellcheck disable=SC2016
    step+=(sh -c '[ "$SLURM_PROCID" -ne 0 ] || echo begun >"$0"; exec "$@"' "$begun" "$@")
    for attempt in 1 2; do
        [ -z "$stopping" ] || return 75
        say info "runs: $*"
        code=0
        launch "${step[@]}" || code=$?
        [ ! -s "$begun" ] || return "$code"
        # What is left of a step of that number, as after a restart, can be in the way; the next step has another number.
        say warning "srun ran nothing in attempt $attempt, and ended with exit code $code"
    done
    return 3
}

step() { # ranks|alone COMMAND...
    run "$@" || finish $?
}

requeue() { # CODE REASON: does not return
    if ((restarts >= MAX_REQUEUES)); then
        say error "$2, and that after $restarts restarts, of which MAX_REQUEUES allows no more: find out why, and submit again; what is finished stays"
        exit "$1"
    fi
    say warning "$2: the job goes back into the queue, and then on from where it is"
    scontrol requeue "$job" || {
        say error "Slurm does not requeue the job: submit it again; what is finished stays"
        exit "$1"
    }
    # Slurm ends this process now, and takes no exit code of it.
    trap - USR1 TERM
    sleep 60
    exit "$1"
}

every_node_answers() {
    local answers
    # shellcheck disable=SC2016
    answers="$(timeout --kill-after=5 60 srun --export=ALL --overlap --mpi=none --cpus-per-task=1 --nodes="$SLURM_JOB_NUM_NODES" \
        --ntasks="$SLURM_JOB_NUM_NODES" --ntasks-per-node=1 sh -c 'echo "$SLURMD_NODENAME"' | wc -l)"
    [ "$answers" -eq "$SLURM_JOB_NUM_NODES" ]
}

finish() { # CODE: of a step that failed; does not return
    case "$stopping:$1" in
    *:2) ;; # bad input stays bad
    USR1:*) requeue 75 "stopped before the time limit" ;;
    TERM:*)
        say warning "stopped; submit the job again to go on"
        exit "$1"
        ;;
    :75) requeue 75 "stopped on request" ;;
    :137) requeue 137 "a rank was killed, maybe because memory ran out" ;;
    :*)
        every_node_answers || requeue "$1" "a node is lost"
        # What lives on there may still have its lock on the output.
        if (($1 == 3 && restarts > 0)); then requeue 3 "the machine failed the job after a restart"; fi
        ;;
    esac
    say error "the step failed with exit code $1, and the job with it: the lines above say why"
    exit "$1"
}

# The rest is for the files that score a day, and goes by their settings.

old_scores_of() { # DAY: what OLD_SCORES has of it
    local found=("$OLD_SCORES"/*"$1"*)
    if [ ${#found[@]} -ne 1 ] || [ ! -e "${found[0]}" ]; then
        say error "OLD_SCORES: $OLD_SCORES does not have one file or folder, and no more, with $1 in its name"
        return 2
    fi
    printf '%s' "${found[0]}"
}

score_day() { # DAY: makes OUT/table/DAY and OUT/scores/DAY
    local table="$OUT/table/$1" scores="$OUT/scores/$1" code=0
    mkdir -p "$OUT/table" "$OUT/scores"
    # Once is enough: what was ingested meanwhile would make it the table of other observations, which prepare refuses.
    if ! grep -qx "prepared $1" "$notes"; then
        # The options are words.
        # shellcheck disable=SC2206
        local prepare=(ranks ipscore prepare --store "$STORE" --as-of "$1" --lookback-days "$LOOKBACK_DAYS" --output "$table"
            "${rank_limits[@]}" $PREPARE_OPTIONS)
        run "${prepare[@]}" || code=$?
        if ((code == 2 && restarts > 0)) && [ ! -e "$table/index.h5" ]; then
            say warning "the table cannot be finished, most likely because the store has changed: it is made anew"
            step "${prepare[@]}" --restart
        elif ((code != 0)); then
            finish "$code"
        fi
        echo "prepared $1" >>"$notes"
    fi
    # shellcheck disable=SC2086
    step ranks ipscore score --table "$table" --classification "$CLASSIFICATION" --companies "$COMPANIES" --model "$MODEL" \
        --as-of "$1" --output "$scores" "${rank_limits[@]}" $SCORE_OPTIONS
}

compare() { # REPORT OPTION... OLD NEW: the end of the job, with the exit code of diff
    local report="$1" code=0
    shift
    mkdir -p "${report%/*}"
    # shellcheck disable=SC2086
    run ranks ipscore diff "${rank_limits[@]}" $DIFF_OPTIONS --report "$report" "$@" || code=$?
    case "$stopping:$code" in
    *:0) say info "the scores are the same as the old ones; report: $report" ;;
    :1) say error "the scores differ from the old ones, so the job ends with exit code 1; report: $report" ;;
    *) finish "$code" ;;
    esac
    end "$code"
}

say info "run $((restarts + 1)) on $SLURM_JOB_NODELIST: SLURM_RESTART_COUNT=$restarts, $ranks_per_node ranks a node, each with ${rank_limits[*]}"
