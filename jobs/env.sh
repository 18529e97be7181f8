# Source me (bash, dash, zsh): puts ipscore on the PATH and makes Open MPI 4.1 fit for containers, few cores and root.
# A setting that the environment has already stays as it is, so a cluster keeps its own.
# shellcheck shell=sh

# Where this file lies. bash and zsh tell; another shell holds the file open while it reads it.
# shellcheck disable=SC3028
if [ -n "${BASH_VERSION:-}" ]; then
    ipscore_here="${BASH_SOURCE:-}"
elif [ -n "${ZSH_VERSION:-}" ]; then
    eval 'ipscore_here="${(%):-%x}"'
else
    ipscore_here=
    for ipscore_open in "/proc/$$/fd"/*; do
        case "$(readlink "$ipscore_open" || :)" in
        */jobs/env.sh) ipscore_here="$(readlink "$ipscore_open")" ;;
        esac
    done
    unset ipscore_open
fi
[ -n "$ipscore_here" ] || ipscore_here=jobs/env.sh
ipscore_here="$(CDPATH='' cd -P -- "$(dirname -- "$ipscore_here")/.." && pwd)"

# The source tree has its program in build/release/bin, an installed DIR/share/ipscore in DIR/bin.
if [ -f "$ipscore_here/CMakeLists.txt" ]; then
    ipscore_here="$ipscore_here/build/release/bin"
else
    ipscore_here="${ipscore_here%/share/ipscore}/bin"
fi
case "$PATH:" in
"$ipscore_here:"*) ;;
*) export PATH="$ipscore_here:$PATH" ;;
esac
unset ipscore_here

# Containers run as root; mpirun refuses unless told twice.
export OMPI_ALLOW_RUN_AS_ROOT="${OMPI_ALLOW_RUN_AS_ROOT:-1}"
export OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="${OMPI_ALLOW_RUN_AS_ROOT_CONFIRM:-1}"

# More ranks than cores is fine: the results are the same.
export OMPI_MCA_rmaps_base_oversubscribe="${OMPI_MCA_rmaps_base_oversubscribe:-1}"

# A rank that waits gives its core away. Without this, more ranks than cores are hundreds of times slower under srun or
# a host list, where Open MPI does not see the oversubscription itself.
export OMPI_MCA_mpi_yield_when_idle="${OMPI_MCA_mpi_yield_when_idle:-1}"

# When the ranks go, mpirun closes their pipes and then asks libevent to forget them, of which its epoll warns: "[warn] Epoll MOD(1) on
# fd 25 failed …", in one of 30 jobs that a failing rank ended. Its poll does not mind, and is as good for so few files.
export EVENT_NOEPOLL="${EVENT_NOEPOLL:-1}"

# No binding to cores: a rank computes with many threads, which would all share the one core of their rank.
export OMPI_MCA_hwloc_base_binding_policy="${OMPI_MCA_hwloc_base_binding_policy:-none}"

# Shared memory within a node and TCP between nodes, everywhere; no search for fabrics, which warns when it finds none.
export OMPI_MCA_pml="${OMPI_MCA_pml:-ob1}"
export OMPI_MCA_btl="${OMPI_MCA_btl:-self,vader,tcp}"
export OMPI_MCA_btl_base_warn_component_unused="${OMPI_MCA_btl_base_warn_component_unused:-0}"

# Single copy reads the memory of the other rank, which a container without CAP_SYS_PTRACE forbids, with an error per message.
export OMPI_MCA_btl_vader_single_copy_mechanism="${OMPI_MCA_btl_vader_single_copy_mechanism:-none}"

# mpirun and its launchers on the other hosts ask each other for a sign of life after 15 s of silence, and take a host for lost
# after 4 times 5 s without an answer, which ends the job, on every host. Without this a host that is cut off is noticed after
# 8 minutes, and the ranks wait for it.
export OMPI_MCA_oob_tcp_keepalive_time="${OMPI_MCA_oob_tcp_keepalive_time:-15}"
export OMPI_MCA_oob_tcp_keepalive_intvl="${OMPI_MCA_oob_tcp_keepalive_intvl:-5}"
export OMPI_MCA_oob_tcp_keepalive_probes="${OMPI_MCA_oob_tcp_keepalive_probes:-4}"

# A host that does not answer from the beginning ends the job, too, instead of waiting for minutes or for a password.
export OMPI_MCA_plm_rsh_args="${OMPI_MCA_plm_rsh_args:--o BatchMode=yes -o ConnectTimeout=20}"

# PMIx keeps its data in each process: its shared memory store warns in containers and leaves files behind when killed.
export PMIX_MCA_gds="${PMIX_MCA_gds:-hash}"

# Under srun on several nodes, Slurm's default, a tree, sometimes lets a rank out of MPI_Init too early: what it sends then meets
# another that is not ready yet, and ends it with a segmentation fault. Of 1200 starts on three busy nodes 16 ended so; with the ring none.
export SLURM_PMIX_FENCE="${SLURM_PMIX_FENCE:-ring}"

# ipscore says in one line why it stopped. Without this, Open MPI adds "MPI_ABORT was invoked on rank 3 …" and "mpirun
# detected that one or more processes exited with non-zero status …" around that line. It also silences mpirun's word on a
# killed rank and on a program that it does not find; the exit code still tells: 128 + signal (137: out of memory, most
# likely), and 1. Set it to 0 to hear mpirun; jobs/mpirun.sh puts its words into one line.
export OMPI_MCA_orte_execute_quiet="${OMPI_MCA_orte_execute_quiet:-1}"
