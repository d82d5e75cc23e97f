// A client that stays: it registers an area of its own, which it does not export, in
// each of five threads, and waits for the end of its input.
#define _GNU_SOURCE
#include <sys/syscall.h>

#include "../fixtures/ask.h"
#include "../fixtures/stay.h"

__thread struct area __rseq_abi = { .cpu_id = -1U };

static void register_own(void)
{
    // as clients do, by the libc's function
    if (syscall(ASK_SYSCALL, &__rseq_abi, sizeof __rseq_abi, 0, ASK_SIGNATURE) != 0)
        perror("rseq");
}

int main(void)
{
    return stay(register_own, NULL);
}
