// Preloaded into the ranks of a job: the rank of SIGNAL_IN_CALL="RANK CALL SIGNAL", such as "2 send 9", sends
// itself that signal when it comes to that call for the first time. The calls are those by which company
// evidence goes from rank to rank:
//
//   send              MPI_Isend: a piece to another rank
//   receive-from-any  MPI_Probe of any rank: a piece of evidence
//   receive-from-one  MPI_Probe of one rank: finished rows, on rank 0
#include <mpi.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void arrive_at(const char* call) {
    static int done = 0;
    const char* rank = getenv("OMPI_COMM_WORLD_RANK");
    const char* wanted = getenv("SIGNAL_IN_CALL");
    char wanted_rank[16];
    char wanted_call[32];
    int number = 0;
    if (done || rank == NULL || wanted == NULL ||
        sscanf(wanted, "%15s %31s %d", wanted_rank, wanted_call, &number) != 3)
        return;
    if (strcmp(rank, wanted_rank) != 0 || strcmp(call, wanted_call) != 0) return;
    done = 1;
    kill(getpid(), number); // to the process: the thread that waits for signals is another one
    usleep(200 * 1000);     // until it has been seen
}

int MPI_Isend(const void* values, int count, MPI_Datatype type, int rank, int tag, MPI_Comm ranks,
              MPI_Request* request) {
    arrive_at("send");
    return PMPI_Isend(values, count, type, rank, tag, ranks, request);
}

int MPI_Probe(int rank, int tag, MPI_Comm ranks, MPI_Status* status) {
    arrive_at(rank == MPI_ANY_SOURCE ? "receive-from-any" : "receive-from-one");
    return PMPI_Probe(rank, tag, ranks, status);
}
