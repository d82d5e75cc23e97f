// A library that defines the symbol and returns the address that it uses for it.
#include "../../fixtures/ask.h"

__thread struct area __rseq_abi = { .cpu_id = -1U };

struct area *AREA(void)
{
	return &__rseq_abi;
}
