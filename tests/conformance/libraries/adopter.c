// An adopter, as an allocator with per-CPU caches is: it defines and exports
// __rseq_abi, and registers it in a thread when the thread first enters it.
//
//! cc: -ftls-model=initial-exec -Wl,-z,nodelete
#define _GNU_SOURCE
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../../fixtures/ask.h"

__thread struct area __rseq_abi = { .cpu_id = -1U };

extern void *__libc_malloc(size_t);

static void enter(void)
{
	int before = errno;

	if (*(volatile uint32_t *)&__rseq_abi.cpu_id == -1U)
		syscall(ASK_SYSCALL, &__rseq_abi, sizeof __rseq_abi, 0, ASK_SIGNATURE);
	errno = before;
}

void *malloc(size_t size)
{
	enter();
	return __libc_malloc(size);
}

__attribute__((constructor)) static void construct(void)
{
	enter();
}
