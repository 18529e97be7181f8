# Source me in bash, in a script that starts a program, waits for it, and has to do something when it is asked to stop itself.
# shellcheck shell=bash

# wait_for PID ACTION...: waits until that child has ended, and runs ACTION whenever TERM, INT or USR1 comes meanwhile. Returns
# the child's exit code. The child runs in the background, for bash acts on a signal only when a program in the foreground has
# ended; and a signal ends wait before the child has, so it waits again.
wait_for() {
    local pid="$1" code interrupted
    shift
    trap 'interrupted=1; "$@"' TERM INT USR1
    while :; do
        interrupted=
        code=0
        wait "$pid" || code=$?
        [ -n "$interrupted" ] || break
    done
    trap '' TERM INT USR1 # it is over, and what is left to do takes a moment
    return "$code"
}
