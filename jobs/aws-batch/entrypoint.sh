#!/usr/bin/env bash
# What a container runs under AWS Batch: entrypoint.sh VERB OPTION... is ipscore VERB OPTION..., alone or, in a multi-node parallel
# job, with a rank on each node. Exit codes are those of ipscore. SIGTERM to any node stops the job with 75.
#
# Of a multi-node job, the main node waits until every child has called it over ssh, writes the hostfile and runs mpirun. A child
# does nothing but call, and hold the line: when it breaks, the other side is gone. A child that is lost later is noticed by mpirun.
#
#   IPSCORE_SSH_KEY        private key that the nodes of a job share, from a secret; nobody else can log in (see README.md)
#   IPSCORE_WAIT_SECONDS   how long to wait for a node that does not come (default 900)
set -euo pipefail
export LC_ALL=C

self="$(readlink -f "${BASH_SOURCE[0]}")"
jobs="$(dirname "$(dirname "$self")")"
state=/run/ipscore-batch
ssh_port=2222

# shellcheck source=jobs/env.sh
. "$jobs/env.sh"
# shellcheck source=jobs/wait-for.sh
. "$jobs/wait-for.sh"

say() {
    printf 'entrypoint.sh: node %s: %s\n' "${AWS_BATCH_JOB_NODE_INDEX:-?}" "$1" >&2
}

fail() { # CODE MESSAGE
    say "$2"
    exit "$1"
}

require_number() { # NAME
    [[ "${!1:-}" =~ ^[0-9]+$ ]] || fail 2 "$1 is '${!1:-}', which is no number; AWS Batch sets it in a multi-node parallel job"
}

# The key is everything: the hosts' own, the client's, and the only one that is let in. So each side knows the other.
set_up_ssh() {
    [ -n "${IPSCORE_SSH_KEY:-}" ] || fail 2 "IPSCORE_SSH_KEY is not set; the job definition takes it from a secret, as README.md says"
    mkdir -p /run/sshd # where sshd goes to have no rights
    rm -rf "$state"
    mkdir -m 700 "$state" "$state/nodes"
    (umask 077 && printf '%s\n' "$IPSCORE_SSH_KEY" >"$state/key")
    unset IPSCORE_SSH_KEY
    ssh-keygen -y -P '' -f "$state/key" >"$state/key.pub" 2>"$state/why" ||
        fail 2 "IPSCORE_SSH_KEY is no private key without a passphrase: $(head -n 1 "$state/why")"
    echo "node $(cat "$state/key.pub")" >"$state/known_hosts"
    cat >"$state/ssh_config" <<END
Host *
  User root
  Port $ssh_port
  IdentityFile $state/key
  IdentitiesOnly yes
  HostKeyAlias node
  UserKnownHostsFile $state/known_hosts
  StrictHostKeyChecking yes
  BatchMode yes
  ConnectTimeout 10
  ServerAliveInterval 10
  ServerAliveCountMax 3
  LogLevel ERROR
END
    cat >"$state/sshd_config" <<END
Port $ssh_port
HostKey $state/key
AuthorizedKeysFile $state/key.pub
AuthenticationMethods publickey
PermitRootLogin prohibit-password
StrictModes no
UsePAM no
PidFile none
MaxStartups 256
ClientAliveInterval 10
ClientAliveCountMax 3
END
    /usr/sbin/sshd -f "$state/sshd_config" || fail 3 "sshd does not start"
}

network_of() { # ADDRESS: the network of its interface, such as 10.0.1.0/24
    ip -4 route show proto kernel scope link src "$1" | awk 'NR == 1 { print $1 }'
}

# ---- the main node

missing_nodes() {
    local node
    for ((node = 0; node < AWS_BATCH_JOB_NUM_NODES; node++)); do
        [ "$node" -eq "$AWS_BATCH_JOB_NODE_INDEX" ] || [ -e "$state/nodes/$node" ] || printf '%s ' "$node"
    done
}

run_main() { # VERB OPTION...
    local missing node own address network code=0 deadline=$((SECONDS + wait_seconds))
    trap 'fail 75 "stopped on request before all nodes were there; nothing had begun"' TERM INT USR1
    set_up_ssh
    echo $$ >"$state/main.pid"
    say "waits for $((AWS_BATCH_JOB_NUM_NODES - 1)) other nodes"
    while missing="$(missing_nodes)" && [ -n "$missing" ]; do
        [ "$SECONDS" -lt "$deadline" ] ||
            fail 3 "did not hear from node ${missing% } of $AWS_BATCH_JOB_NUM_NODES within $wait_seconds s; look at the log of that node, and whether the security group lets the nodes reach each other on every port"
        sleep 0.2
    done

    # A child tells the address of this node, too: a container has several, and only the others know which of them they reach.
    local networks=()
    for node in "$state"/nodes/*; do
        read -r address network own <"$node"
        echo "$address slots=1"
        networks+=("$network")
    done >"$state/others"
    { echo "$own slots=1" && cat "$state/others"; } >"$state/hostfile"
    networks+=("$(network_of "$own")")
    say "runs on $(awk '{ print $1 }' "$state/hostfile" | paste -s -d ' ')"

    # Only the networks that the nodes share. What else a container has is the same on every node, and leads nowhere: loopback,
    # Docker's bridge, the link to the agent.
    OMPI_MCA_btl_tcp_if_include="$(printf '%s\n' "${networks[@]}" | sort -u | paste -s -d ,)"
    export OMPI_MCA_btl_tcp_if_include OMPI_MCA_oob_tcp_if_include="$OMPI_MCA_btl_tcp_if_include"
    # mpirun itself notices a node that is cut off, and says which.
    export OMPI_MCA_plm_rsh_args="-F $state/ssh_config -o ServerAliveInterval=0"
    "$jobs/mpirun.sh" --hostfile "$state/hostfile" -n "$AWS_BATCH_JOB_NUM_NODES" ipscore "$@" &
    local job=$!
    # shellcheck disable=SC2317 # wait_for calls it
    ask_to_stop() { kill -TERM "$job" 2>/dev/null || true; }
    wait_for "$job" ask_to_stop || code=$?

    # The container, and with it every connection, goes when this ends.
    echo "$code" >"$state/code.new" && mv "$state/code.new" "$state/code"
    for _ in {1..25}; do
        compgen -G "$state/nodes/*" >/dev/null || break
        sleep 0.2
    done
    exit "$code"
}

# What a child runs on the main node: says that the line is there, and in the end, how the job ended.
hold_line() { # NODE ADDRESS NETWORK
    local own
    read -r _ _ own _ <<<"$SSH_CONNECTION"
    [ -d "$state/nodes" ] || fail 3 "the main node is not ready"
    echo "$2 $3 $own" >"$state/node-$1.new" && mv "$state/node-$1.new" "$state/nodes/$1"
    echo connected
    until [ -e "$state/code" ]; do sleep 0.2; done
    cat "$state/code"
    rm "$state/nodes/$1"
}

# ---- the other nodes

ssh_main() {
    ssh -F "$state/ssh_config" "$main_address" "$@" </dev/null
}

run_child() {
    local address network line answer deadline=$((SECONDS + wait_seconds))
    set_up_ssh
    # shellcheck disable=SC2317 # wait_for calls it
    ask_to_stop() { ssh_main "kill -TERM \$(cat $state/main.pid)" 2>/dev/null || true; }
    while :; do
        trap 'fail 75 "stopped on request before it had called the main node"' TERM INT USR1
        address="$(ip -4 route get "$main_address" 2>/dev/null | sed -n 's/.* src \([^ ]*\).*/\1/p')"
        network="$(network_of "$address")"
        ssh_main "$self" --hold-line "$AWS_BATCH_JOB_NODE_INDEX" "$address" "$network" >"$state/line" 2>"$state/why" &
        line=$!
        wait_for "$line" ask_to_stop || true
        mapfile -t answer <"$state/line"
        case "${#answer[@]}" in
        0) ;;
        1) fail 3 "lost the main node at $main_address" ;;
        *)
            say "ends as the main node did, with ${answer[1]}"
            exit "${answer[1]}"
            ;;
        esac
        [ "$SECONDS" -lt "$deadline" ] ||
            fail 3 "could not call the main node at $main_address within $wait_seconds s: $(tail -n 1 "$state/why")"
        sleep 1
    done
}

if [ "${1:-}" = --hold-line ]; then
    shift
    hold_line "$@"
    exit
fi

if [ "${AWS_BATCH_JOB_NUM_NODES:-1}" = 1 ]; then
    exec ipscore "$@"
fi
for name in AWS_BATCH_JOB_NUM_NODES AWS_BATCH_JOB_NODE_INDEX AWS_BATCH_JOB_MAIN_NODE_INDEX; do require_number "$name"; done
export IPSCORE_WAIT_SECONDS="${IPSCORE_WAIT_SECONDS:-900}"
require_number IPSCORE_WAIT_SECONDS
wait_seconds="$IPSCORE_WAIT_SECONDS"
if [ "$AWS_BATCH_JOB_NODE_INDEX" = "$AWS_BATCH_JOB_MAIN_NODE_INDEX" ]; then
    run_main "$@"
fi
main_address="${AWS_BATCH_JOB_MAIN_NODE_PRIVATE_IPV4_ADDRESS:-}"
[ -n "$main_address" ] || fail 2 "AWS_BATCH_JOB_MAIN_NODE_PRIVATE_IPV4_ADDRESS is not set; AWS Batch sets it on every node but the main one"
run_child
