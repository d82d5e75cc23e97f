// A library that defines the symbol, and says where it thinks that it is.
#include "../../fixtures/ask.h"

__thread struct area __rseq_abi = { .cpu_id = -1U };

struct area *AREA(void)
{
	return &__rseq_abi;
}
