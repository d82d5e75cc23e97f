// A client that caches in cpu_id_start where its per-CPU memory is, as TCMalloc
// does, and counts on the kernel to overwrite it whenever the thread was
// interrupted. It moves that memory: it says where the new one is, fences every
// CPU with membarrier, and from then on nobody may write to the old one. Where
// the kernel leaves a changed cpu_id_start alone, somebody does.
//
// EXPORTED defines __rseq_abi for all to see, so that the shim may adopt it;
// otherwise it is the executable's own, as TCMalloc's is. DIRECT stores to it as
// TCMalloc does, by its offset from the thread pointer; otherwise through a pointer
// that comes from elsewhere in the code.
//
// cached-memory: yes where no write was late; whether rseq was used at all stands
// in the detail: "N updates, N without rseq, N late".
#define _GNU_SOURCE
#include <errno.h>
#include <linux/membarrier.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "../conformance/section.h"
#include "../fixtures/ask.h"

#ifdef EXPORTED
#define VISIBLE __attribute__((visibility("default")))
#else
#define VISIBLE __attribute__((visibility("hidden")))
#endif

enum { CPUS = 64, GENERATIONS = 400, THREADS = 4, CACHED_BIT = 31 };

VISIBLE __thread struct area __rseq_abi __attribute__((tls_model("initial-exec")))
= { .cpu_id = -1U };

// The memory of a CPU in a generation.
static long memory[GENERATIONS][CPUS];
static atomic_int generation, running = THREADS, stop;
static atomic_long updates, without;

#ifdef __x86_64__
#define ADD                            \
	"movl (%[area]), %%ecx\n\t"    \
	"btrl %[bit], %%ecx\n\t"       \
	"jnc %l[aborted]\n\t"          \
	"incq (%[memory], %%rcx, 8)\n"
#define ADD_USES "rax", "rcx"
#else
#define ADD                                \
	"ldr w10, [%[area]]\n\t"           \
	"tbz w10, %[bit], %l[aborted]\n\t" \
	"ubfx w10, w10, #0, %[bit]\n\t"    \
	"ldr x9, [%[memory], x10, lsl #3]\n\t" \
	"add x9, x9, #1\n\t"               \
	"str x9, [%[memory], x10, lsl #3]\n"
#define ADD_USES "x9", "x10"
#endif

// Adds one in the cached memory; 0 where nothing is cached or the thread was
// interrupted.
static int add(struct area *area)
{
	__asm__ goto(SECTION_DESCRIPTOR ADD "2:\n\t" SECTION_ABORT
		     :
		     : [area] "r"(area), [memory] "r"(memory), [bit] "i"(CACHED_BIT)
		     : ADD_USES, "memory", "cc"
		     : aborted);
	return 1;
aborted:
	return 0;
}

#ifdef __x86_64__
#ifdef DIRECT
#define CACHED "%%fs:__rseq_abi@tpoff"
#else
#define CACHED "(%[area])"
#endif
#define CACHE                                \
	"cmpl %[cpu], 4(%[area])\n\t"        \
	"jne %l[aborted]\n\t"                \
	"cmpl %[now], (%[generation])\n\t"   \
	"jne %l[aborted]\n\t"                \
	"movl %[word], " CACHED "\n"
#define CACHE_USES "rax"
#else
#ifdef DIRECT
#define CACHED                                                  \
	"mrs x10, tpidr_el0\n\t"                                \
	"add x10, x10, #:tprel_hi12:__rseq_abi, lsl #12\n\t"    \
	"add x10, x10, #:tprel_lo12_nc:__rseq_abi\n\t"          \
	"str %w[word], [x10]\n"
#else
#define CACHED "str %w[word], [%[area]]\n"
#endif
#define CACHE                                \
	"ldr w9, [%[area], #4]\n\t"          \
	"cmp w9, %w[cpu]\n\t"                \
	"b.ne %l[aborted]\n\t"               \
	"ldr w9, [%[generation]]\n\t"        \
	"cmp w9, %w[now]\n\t"                \
	"b.ne %l[aborted]\n\t" CACHED
#define CACHE_USES "x9", "x10"
#endif

// Caches the memory of this CPU in this generation, unless the thread is
// interrupted meanwhile.
static void cache(struct area *area)
{
	uint32_t cpu = *(volatile uint32_t *)&area->cpu_id;
	uint32_t now = (uint32_t)generation;
	uint32_t word = (now * CPUS + cpu) | 1u << CACHED_BIT;

	if (cpu >= CPUS)
		return;
	__asm__ goto(SECTION_DESCRIPTOR CACHE "2:\n\t" SECTION_ABORT
		     :
		     : [area] "r"(area), [cpu] "r"(cpu), [now] "r"(now), [word] "r"(word),
		       [generation] "r"(&generation)
		     : CACHE_USES, "memory", "cc"
		     : aborted);
aborted:
	return;
}

// As TCMalloc: what is registered already is used, what cannot be is done
// without.
static int registers(struct area *area)
{
	if ((int32_t)*(volatile uint32_t *)&area->cpu_id >= 0)
		return 1;
	return syscall(ASK_SYSCALL, area, sizeof *area, 0, ASK_SIGNATURE) == 0
	       && (int32_t)*(volatile uint32_t *)&area->cpu_id >= 0;
}

static void *works(void *unused)
{
	struct area *area = &__rseq_abi;
	int fast = registers(area);

	while (!stop) {
		if (!fast)
			without++;
		else
			while (!add(area))
				cache(area);
		updates++;
	}
	running--;
	return unused;
}

static long sum(int of)
{
	long total = 0;

	for (int cpu = 0; cpu < CPUS; cpu++)
		total += ((volatile long(*)[CPUS])memory)[of][cpu];
	return total;
}

int main(void)
{
	pthread_t threads[THREADS];
	long found = 0, late = 0, fixed[GENERATIONS];

	alarm(1800);
	if (syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_RSEQ, 0, 0)) {
		printf("cached-memory\tskip\tmembarrier: %s\n", strerror(errno));
		return 0;
	}
	for (int i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, works, NULL))
			return 2;
	for (int old = 0; old + 1 < GENERATIONS; old++) {
		struct timespec time = { .tv_nsec = 1000000 };

		nanosleep(&time, NULL);
		generation = old + 1;
		if (syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ, 0, 0))
			return 2;
		fixed[old] = sum(old);
	}
	stop = 1;
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	fixed[GENERATIONS - 1] = sum(GENERATIONS - 1);
	for (int i = 0; i < GENERATIONS; i++) {
		found += sum(i);
		late += sum(i) - fixed[i];
	}
	printf("cached-memory\t%s\t%ld updates, %ld without rseq, %ld late, %ld lost\n",
	       late == 0 && found + without == updates ? "yes" : "no", (long)updates,
	       (long)without, late, (long)updates - without - found);
	return 0;
}
