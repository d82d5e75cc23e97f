/* A library that defines __rseq_abi. */
#include "../fixtures/ask.h"

__thread struct area __rseq_abi = { .cpu_id = -1U };
