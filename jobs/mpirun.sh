#!/usr/bin/env bash
# mpirun for ipscore on several hosts. Takes what mpirun takes, with the settings of env.sh:
#
#     mpirun.sh --host h1,h2,h3 -n 3 ipscore score ...
#
# When a host or a rank is lost, or the job cannot start, one line says so, and the exit code is one of ipscore's own
# (3: a host is lost or cannot be reached, 2: no such program there), or mpirun's 128 + signal for a rank.
# TERM, INT and USR1 ask the ranks to stop, so that the job ends with 75; mpirun alone would kill them.
set -euo pipefail

here="$(cd -P "$(dirname "${BASH_SOURCE[0]}")" && pwd)"

case "${1:-}" in
'' | -h | --help)
    sed -n '2,/^[^#]/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
    exit 0
    ;;
esac

# shellcheck source=jobs/env.sh
. "$here/env.sh"
# shellcheck source=jobs/wait-for.sh
. "$here/wait-for.sh"

say() {
    printf 'mpirun.sh: %s\n' "$1" >&2
}

conclude() { # CODE MESSAGE: what comes after it, follows from it
    reason=mpirun
    say "$2"
    return "$1"
}

# Puts one of mpirun's messages on one line, in words for whoever runs ipscore. Returns the exit code of a job that ends so, or 0
# where mpirun's own will do. It is a part of tell, whose variables it knows.
explain() { # MESSAGE
    local lost='lost communication with a remote daemon.* Remote daemon: *[^ ]+ on node ([^ ]+)'
    local ended='mpirun noticed that process (rank [0-9]+) .* on node ([^ ]+) exited on signal ([0-9]+)'
    local absent='(Node: *([^ ]+) +Executable: *([^ ]+)|Executable: *([^ ]+) +Node: *([^ ]+))'
    local not_started="unable to reliably start one or more daemons"
    local again="run the same command again to resume" words why=
    [ "$reason" != mpirun ] || return 0
    # With a host go its ssh and its orted. When mpirun sees the end of the ssh first, it takes it for a failure to start.
    if [[ "$1" =~ $lost ]] || { [ -n "$ssh_lost" ] && [[ "$1" == *"$not_started"* ]]; }; then
        conclude 3 "host ${BASH_REMATCH[1]:-$ssh_lost} is lost: it is down, cut off, or its orted was killed; $again"
    elif [[ "$1" =~ $ended ]]; then
        [ "${BASH_REMATCH[3]}" != 9 ] || why=", most likely because memory ran out"
        conclude 0 "${BASH_REMATCH[1]} on host ${BASH_REMATCH[2]} was ended by signal ${BASH_REMATCH[3]}$why; $again"
    elif [[ "$1" =~ $absent ]]; then
        conclude 2 "there is no program ${BASH_REMATCH[3]}${BASH_REMATCH[4]} on host ${BASH_REMATCH[2]}${BASH_REMATCH[5]}; it must lie in the same place on every host"
    elif [[ "$1" == *"$not_started"* ]]; then
        conclude 3 "a host cannot be reached by ssh, cannot reach this one by TCP, or has no orted; what ssh says stands above"
    else
        case "$1" in
        # These say no more than that there is a reason.
        *"MPI_ABORT was invoked"* | *"terminated normally, but"* | *"processes exited with non-zero status"*) ;;
        *"failed to TCP connect to a peer"* | *"peer process has unexpectedly disconnected"* | *"does not know how to route"*) ;;
        *)
            read -ra words <<<"$1"
            [ -n "$reason" ] || say "${words[*]}"
            ;;
        esac
    fi
}

# Hands on what comes, but for mpirun's messages, which stand between two lines of dashes: these are explained. Returns the
# code of the first message that has one.
tell() {
    local line frame message='' inside='' code=0
    local reason=''   # who gave one: ipscore or mpirun
    local ssh_lost='' # the host of which ssh said so
    frame="$(printf -- '-%.0s' {1..74})"
    while IFS= read -r line || [ -n "$line" ]; do
        if [ "$line" = "$frame" ]; then
            if [ -n "$inside" ]; then
                explain "$message" || code=$((code == 0 ? $? : code))
                inside='' message=''
            else
                inside=1
            fi
        elif [ -n "$inside" ]; then
            message+=" $line"
        else
            case "$line" in
            # What TCP and epoll say when a rank is gone. The last is of a child that was quicker than mpirun itself.
            *"sent help message"* | *'Set MCA parameter "orte_base_help_aggregate"'* | *mca_btl_tcp_* | "[warn] Epoll "* | *ORTE_ERROR_LOG* | *"plm:rsh: Warning: setpgid("*) ;;
            *)
                case "$line" in *level=error* | *'"level":"error"'*) reason="${reason:-ipscore}" ;; esac
                if [[ "$line" =~ ^(Connection to|Read from remote host)\ ([^\ :]+) ]]; then ssh_lost="${BASH_REMATCH[2]}"; fi
                printf '%s\n' "$line" >&2
                ;;
            esac
        fi
    done
    return "$code"
}

# mpirun speaks, and tell decides what of it is worth a line. PATH goes to the other hosts, where ssh gives a bare one.
export OMPI_MCA_orte_execute_quiet=0
exec {to_tell}> >(tell)
teller=$!
mpirun -x PATH "$@" <&0 2>&"$to_tell" {to_tell}>&- &
job=$!
exec {to_tell}>&-

asked=
# shellcheck disable=SC2317 # wait_for calls it
ask_to_stop() {
    asked=1
    kill -USR1 "$job" 2>/dev/null || true
}
code=0
wait_for "$job" ask_to_stop || code=$?
told=0
wait "$teller" || told=$?

[ "$told" -eq 0 ] || code="$told"
# A rank that was not yet, or no more, ready for the request ended by it.
[ -z "$asked" ] || [ "$code" -le 128 ] || code=75
exit "$code"
