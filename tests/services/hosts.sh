#!/usr/bin/env bash
# Makes hosts for tests on one machine: usage() below says what they are and how to use them.
set -euo pipefail
export LC_ALL=C

usage() {
    cat <<END
usage: $0 up [N]                 N hosts (default 3); what an earlier run left is removed first
       $0 exec hI COMMAND...     runs COMMAND on host hI, in this directory and environment; it is this very process, so signals reach it
       $0 pids hI                the processes on host hI
       $0 link hI down|up        cuts the host off, or lets it back: packets vanish in the network, and no interface shows it
       $0 slow hI QDISC...       makes its link slow in both directions, by what tc-tbf(8) or tc-netem(8) take:
                                   slow h3 tbf rate 5mbit burst 16kb latency 500ms    (every kernel has it)
                                   slow h3 netem delay 20ms loss 1%                   (many have not)
       $0 unslow hI
       $0 kill hI                the host is gone: cut off, all its processes killed; only another 'up' brings it back
       $0 down                   removes all of it, and every process on the hosts

A host is a network namespace with a hostname (h1, h2, …), an address on eth0 (10.77.0.1, 10.77.0.2, …), the names of the others and
an sshd; files, processes and cgroups are those of the machine. 'ssh hI' works from each host to each, without a question.

State: \${TMPDIR:-/tmp}/ipscore-hosts; hI.sshd.log there is what the sshd of hI says. A machine has one set of hosts at a time.
Exit code: 77 where hosts cannot be made (neither root nor the packages), with the reason in one line; 2 for bad usage; 1 otherwise.
END
}

here="$(cd -P "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
state="${TMPDIR:-/tmp}/ipscore-hosts"
hub=ipscore-hub # the namespace of the switch, so that the machine's own network stays as it is

die() { # CODE MESSAGE
    echo "hosts.sh: $2" >&2
    exit "$1"
}

bad_usage() {
    die 2 "$1; see --help"
}

netns_of() { # HOST: the name of its namespace
    printf 'ipscore-%s' "$1"
}

port_of() { # HOST: its port on the switch
    printf 'port-%s' "$1"
}

require_host() {
    [[ "$1" =~ ^h[1-9][0-9]*$ ]] || bad_usage "'$1' is no host such as h1"
    [ -e "/run/netns/$(netns_of "$1")" ] || die 1 "there is no host $1; make hosts with: $here/hosts.sh up"
}

# Not ip netns exec: it mounts a /sys of its own, which lacks the cgroups.
on_host() { # HOST COMMAND...
    local host="$1"
    shift
    # shellcheck disable=SC2016
    exec nsenter --net="/run/netns/$(netns_of "$host")" unshare --uts --mount --propagation slave bash -c '
        set -e
        mount --bind "$1/hosts" /etc/hosts
        mount --bind "$1/ssh_config" /etc/ssh/ssh_config
        hostname "$2"
        shift 2
        exec "$@"' on_host "$state" "$host" "$@"
}

kill_all() { # NETNS: every process in it, also those that come while it looks
    local pids
    for _ in {1..100}; do
        mapfile -t pids < <(ip netns pids "$1")
        [ ${#pids[@]} -gt 0 ] || return 0
        kill -KILL "${pids[@]}" 2>/dev/null || true
        sleep 0.02
    done
    die 1 "processes on $1 do not end: ${pids[*]}"
}

down() {
    local netns
    # Cut off first: what is killed shall not tell the others.
    for netns in $(ip netns list | awk '/^ipscore-(h[0-9]+|hub)( |$)/ { print $1 }'); do
        kill_all "$netns"
        ip netns delete "$netns"
    done
    rm -rf "$state"
}

up() { # N
    local count="$1" i host
    mkdir -m 700 "$state"
    ssh-keygen -q -t ed25519 -N '' -C ipscore-hosts -f "$state/key"
    cp "$state/key.pub" "$state/authorized_keys"
    echo "127.0.0.1 localhost" >"$state/hosts"
    for ((i = 1; i <= count; i++)); do echo "10.77.0.$i h$i" >>"$state/hosts"; done
    cat >"$state/ssh_config" <<END
Host *
  User root
  IdentityFile $state/key
  StrictHostKeyChecking no
  UserKnownHostsFile /dev/null
  LogLevel ERROR
END
    cat >"$state/sshd_config" <<END
HostKey $state/key
AuthorizedKeysFile $state/authorized_keys
PasswordAuthentication no
PermitRootLogin prohibit-password
StrictModes no
UsePAM no
PidFile none
END
    mkdir -p /run/sshd # sshd wants it, and only its init script makes it

    ip netns add "$hub"
    ip -n "$hub" link add switch type bridge
    ip -n "$hub" link set switch up
    for ((i = 1; i <= count; i++)); do
        host="h$i"
        ip netns add "$(netns_of "$host")"
        ip -n "$(netns_of "$host")" link set lo up
        ip link add eth0 netns "$(netns_of "$host")" type veth peer name "$(port_of "$host")" netns "$hub"
        ip -n "$hub" link set "$(port_of "$host")" master switch up
        ip -n "$(netns_of "$host")" addr add "10.77.0.$i/24" dev eth0
        ip -n "$(netns_of "$host")" link set eth0 up
        (on_host "$host" /usr/sbin/sshd -f "$state/sshd_config" -E "$state/$host.sshd.log")
    done
    for ((i = 1; i <= count; i++)); do
        # The first packets may come before the switch lets them pass.
        for _ in {1..100}; do
            if [ "$(on_host h1 ssh -o ConnectTimeout=1 "h$i" hostname 2>"$state/ssh.log" </dev/null)" = "h$i" ]; then continue 2; fi
            sleep 0.05
        done
        die 1 "h1 cannot reach h$i by ssh: $(tail -n 1 "$state/ssh.log")"
    done
}

require_machine() {
    local tool missing=() reason
    for tool in ip bridge tc nsenter unshare ssh ssh-keygen /usr/sbin/sshd; do
        command -v "$tool" >/dev/null || missing+=("${tool##*/}")
    done
    [ ${#missing[@]} -eq 0 ] || die 77 "hosts cannot be made here: there is no ${missing[*]}; install with jobs/install-packages.sh batch"
    # What needs a right, or a kernel that knows it, where it leaves nothing behind.
    # shellcheck disable=SC2016
    reason="$(unshare --net --uts --mount bash -c '
        set -e
        ip link add switch type bridge
        ip link add eth0 type veth peer name port
        mount --bind /etc/hosts /etc/hosts
        hostname probe' 2>&1)" || die 77 "hosts cannot be made here: ${reason%%$'\n'*}; run as root (in a container: --privileged)"
    [ -w /run ] || die 77 "hosts cannot be made here: /run is not writable; run as root"
}

command="${1:-}"
[ $# -eq 0 ] || shift
case "$command:$#" in
-h:0 | --help:0)
    usage
    ;;
up:0 | up:1)
    count="${1:-3}"
    [[ "$count" =~ ^[1-9][0-9]?$ ]] || bad_usage "'$count' is no number of hosts from 1 to 99"
    require_machine
    down
    up "$count"
    ;;
down:0)
    down
    ;;
exec:0 | exec:1)
    bad_usage "exec takes a host and a command"
    ;;
exec:*)
    require_host "$1"
    on_host "$@"
    ;;
pids:1)
    require_host "$1"
    ip netns pids "$(netns_of "$1")"
    ;;
link:2)
    require_host "$1"
    # Not by taking an interface down, which both ends would notice.
    case "$2" in
    down) state_of_port=disabled ;;
    up) state_of_port=forwarding ;;
    *) bad_usage "a link goes down or up, not '$2'" ;;
    esac
    bridge -n "$hub" link set dev "$(port_of "$1")" state "$state_of_port"
    ;;
slow:0 | slow:1)
    bad_usage "slow takes a host and what tc(8) takes"
    ;;
slow:*)
    require_host "$1"
    host="$1"
    shift
    tc -n "$(netns_of "$host")" qdisc replace dev eth0 root "$@"
    tc -n "$hub" qdisc replace dev "$(port_of "$host")" root "$@"
    ;;
unslow:1)
    require_host "$1"
    tc -n "$(netns_of "$1")" qdisc delete dev eth0 root
    tc -n "$hub" qdisc delete dev "$(port_of "$1")" root
    ;;
kill:1)
    require_host "$1"
    bridge -n "$hub" link set dev "$(port_of "$1")" state disabled
    kill_all "$(netns_of "$1")"
    ip netns delete "$(netns_of "$1")"
    ;;
*)
    usage >&2
    exit 2
    ;;
esac
