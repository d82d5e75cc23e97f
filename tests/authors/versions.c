/* What symbol versions would do to a name that everybody is to share. Built several
 * times: as a library that defines __rseq_abi, as one that stands before sched_getcpu,
 * and as the program that asks who was found. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>

#ifndef ASK
#include <rseq_abi.h>

RSEQ_ABI_DEFINE;

void *area_of_library(void)
{
	return &__rseq_abi;
}

int sched_getcpu(void)
{
	return 0;
}
#else
extern __thread char __rseq_abi[] __attribute__((tls_model("initial-exec")));

int main(void)
{
	void *(*area)(void);
	Dl_info info;
	void *found = dlvsym(RTLD_DEFAULT, "sched_getcpu", "GLIBC_2.6");

	*(void **)&area = dlsym(RTLD_DEFAULT, "area_of_library");
	printf("areas: %d\n", area && area() == __rseq_abi ? 1 : 2);
	printf("by version: %s\n", found && dladdr(found, &info) ? info.dli_fname : "nothing");
	return 0;
}
#endif
