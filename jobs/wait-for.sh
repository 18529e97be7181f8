# Source me in bash, in a script that starts a program, waits for it, and has to do something when it is asked to stop itself.
# shellcheck shell=bash

# wait_through_signals PID: waits until that child has ended, and returns its exit code. The child runs in the background, for bash
# acts on a signal only when a program in the foreground has ended; and a signal ends wait before the child has, so it waits again.
# Every trap that may come meanwhile and lets the script go on must set interrupted.
wait_through_signals() {
    local code
    while :; do
        interrupted=
        code=0
        # bash also tells what became of a child that it has waited for already.
        wait "$1" || code=$?
        [ -n "$interrupted" ] || return "$code"
    done
}

# wait_for PID ACTION...: the same, and runs ACTION whenever TERM, INT or USR1 comes meanwhile.
wait_for() {
    local pid="$1" code=0 interrupted action=("${@:2}")
    trap 'interrupted=1; "${action[@]}"' TERM INT USR1
    wait_through_signals "$pid" || code=$?
    trap '' TERM INT USR1 # it is over, and what is left to do takes a moment
    return "$code"
}
