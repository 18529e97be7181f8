#!/usr/bin/env bash
# A real Slurm for tests on one machine, on the hosts of hosts.sh: usage() below says how to use it.
set -euo pipefail
export LC_ALL=C

usage() {
    cat <<END
usage: $0 up                  three nodes, h1 to h3, and a controller, h4; what an earlier run left is removed first
       $0 exec COMMAND...     runs COMMAND on h4 with this Slurm's configuration, such as sbatch or squeue
       $0 down                ends all of it, jobs included

Every node has 4 CPUs and 16 GB of memory, as far as Slurm knows. A node that does not answer is down after 12 s.
State, with the logs of the daemons: \${TMPDIR:-/tmp}/ipscore-slurm. The hosts are hosts.sh's, which also cuts nodes off or kills them.
Exit code: 77 where it cannot be had (neither root nor the packages), with the reason in one line; 2 for bad usage; 1 otherwise.
END
}

here="$(cd -P "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
hosts="$here/hosts.sh"
state="${TMPDIR:-/tmp}/ipscore-slurm"
nodes=3
controller=h4
export SLURM_CONF="$state/slurm.conf"

die() { # CODE MESSAGE
    echo "slurm.sh: $2" >&2
    exit "$1"
}

down() {
    "$hosts" down
    rm -rf "$state"
}

write_configuration() {
    local i
    {
        cat <<END
ClusterName=ipscore
SlurmctldHost=$controller(10.77.0.4)
SlurmUser=root
AuthInfo=socket=$state/munge.socket
StateSaveLocation=$state/controller
SlurmctldPidFile=$state/slurmctld.pid
SlurmctldLogFile=$state/slurmctld.log
SlurmdPidFile=$state/%n.pid
SlurmdLogFile=$state/%n.log
SlurmdSpoolDir=$state/%n
# Nodes on one machine share its file system, and take each other's files of PMIx for their own where this is the same.
TmpFS=$state/%n

# Neither cgroups nor binding: a container may have none, and the CPUs are made up.
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SlurmdParameters=config_overrides
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory

# A test waits for the scheduler, and for a node to be given up.
SchedulerParameters=batch_sched_delay=1,sched_interval=1,bf_interval=1
SlurmdTimeout=12
MessageTimeout=5
KillWait=5
ReturnToService=2

# As some sites have it: jobs must ask for it.
JobRequeue=0

END
        for ((i = 1; i <= nodes; i++)); do
            echo "NodeName=h$i NodeAddr=10.77.0.$i CPUs=4 RealMemory=16000"
        done
        echo "PartitionName=all Nodes=h[1-$nodes] Default=YES"
    } >"$SLURM_CONF"
}

up() {
    local i up
    mkdir -m 755 "$state" "$state/controller"
    write_configuration
    (umask 077 && head -c 128 /dev/urandom >"$state/munge.key")

    "$hosts" exec "$controller" munged --force --key-file="$state/munge.key" --socket="$state/munge.socket" \
        --pid-file="$state/munged.pid" --seed-file="$state/munge.seed" --log-file="$state/munged.log"
    "$hosts" exec "$controller" slurmctld
    for ((i = 1; i <= nodes; i++)); do
        mkdir "$state/h$i"
        "$hosts" exec "h$i" slurmd -N "h$i"
    done
    for _ in {1..300}; do
        up="$("$hosts" exec "$controller" sinfo --noheader --Node --format=%T 2>/dev/null | grep -cx idle || true)"
        [ "$up" -ne "$nodes" ] || return 0
        sleep 0.1
    done
    die 1 "only $up of $nodes nodes came up; the last lines of the logs: $(tail -n 3 "$state"/*.log)"
}

require_programs() {
    local program missing=()
    for program in munged slurmctld slurmd srun; do
        command -v "$program" >/dev/null || missing+=("$program")
    done
    [ ${#missing[@]} -eq 0 ] || die 77 "a Slurm cannot be made here: there is no ${missing[*]}; install with jobs/install-packages.sh test"
}

case "${1:-}:$#" in
-h:1 | --help:1)
    usage
    ;;
up:1)
    require_programs
    down
    "$hosts" up $((nodes + 1))
    up
    ;;
exec:1)
    die 2 "exec takes a command; see --help"
    ;;
exec:*)
    shift
    exec "$hosts" exec "$controller" "$@"
    ;;
down:1)
    down
    ;;
*)
    usage >&2
    exit 2
    ;;
esac
