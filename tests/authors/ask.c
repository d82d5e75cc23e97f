/* Asks the header everything, in C89 and C++98, and says what holds here. */
#include <rseq_abi.h>
#include <rseq_shim.h>

#include <errno.h>
#include <stdio.h>

#ifdef DEFINE
RSEQ_ABI_DEFINE;
#elif defined(EXTENSIBLE)
RSEQ_ABI_DEFINE_EXTENSIBLE;
#elif defined(DECLARE)
RSEQ_ABI_DECLARE;
#endif

int main(void)
{
	struct rseq_abi_area *area = rseq_abi_symbol();
	int cpu;
#ifdef REGISTER
	int answer;
#endif

	errno = 77;
	printf("symbol %s\n", area ? "there" : "absent");
	printf("aligned %s\n", (unsigned long)area % 32 ? "no" : "yes");
	printf("registered %d\n", rseq_abi_is_registered());
#ifdef REGISTER
	answer = rseq_abi_register_current_thread();
	printf("register %d\n", answer);
	printf("registered %d own %d\n", rseq_abi_is_registered(),
	       area && rseq_abi_registered() == area);
#endif
	cpu = rseq_abi_current_cpu();
	printf("cpu %s\n", cpu >= 0 && cpu < 4096 ? "known" : "unknown");
	printf("node %s\n", rseq_abi_current_node() >= 0 ? "known" : "unknown");
	printf("mm_cid %s\n", rseq_abi_mm_cid() >= 0 ? "known" : "unknown");
#ifdef REGISTER
	if (answer == 0 && area)
		printf("unregister %d\n", rseq_abi_unregister_current_thread());
#endif
#if defined(DEFINE) || defined(DECLARE)
	printf("same %d\n", area == &__rseq_abi);
#endif
	printf("errno %s\n", errno == 77 ? "kept" : "changed");
	return 0;
}
