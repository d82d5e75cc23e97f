/* Refers to __rseq_abi without knowing whether anybody defines it, from a program or
 * from a library. With NAIVE in the way that does not work. */
#include <rseq_abi.h>

#ifdef NAIVE
extern __thread struct rseq_abi_area __rseq_abi
	__attribute__((weak, tls_model("initial-exec")));
#endif

/* 0: absent; 1: there, and registered by nobody; 2: something else */
int refer(void)
{
#ifdef NAIVE
	struct rseq_abi_area *area = &__rseq_abi;
#else
	struct rseq_abi_area *area = rseq_abi_symbol();
#endif

#ifdef NAIVE
	/* what is there may not even be readable */
	return area ? 2 : 0;
#else
	if (!area)
		return 0;
	return area->cpu_id == RSEQ_ABI_CPU_UNREGISTERED && area->cpu_id_start == 0 ? 1 : 2;
#endif
}
