// Allocates, writes, compares and frees through TCMalloc in several threads, and
// says whether its per-CPU caches are on, and how many of its threads had their
// `__rseq_abi` registered before they came to it. With an argument its threads then
// wait until its input ends, or the file of that name.
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

void *BridgeTCMallocInternalNewAlignedNothrow(size_t size, size_t alignment);
void TCMallocInternalDeleteSizedAligned(void *memory, size_t size, size_t alignment);
bool MallocExtension_Internal_GetPerCpuCachesActive(void);

enum { THREADS = 8, ROUNDS = 400, BLOCKS = 100 };

// `struct rseq`: the second word is the CPU, or negative
extern __thread int32_t __rseq_abi[8];

static atomic_int overlaps, failures, early;
static char *_Atomic handed_over[BLOCKS];

static size_t size_of(int block)
{
	return 16 + 24 * block;
}

static int is_filled(const char *memory, size_t size, char with)
{
	for (size_t i = 0; i < size; i++)
		if (memory[i] != with)
			return 0;
	return 1;
}

static pthread_mutex_t end = PTHREAD_MUTEX_INITIALIZER;
static atomic_int waiting;

static void *works(void *number);

static void *works_and_waits(void *number)
{
	works(number);
	waiting++;
	pthread_mutex_lock(&end);
	pthread_mutex_unlock(&end);
	return NULL;
}

static void *works(void *number)
{
	char mark = (char)(1 + (intptr_t)number);
	char *blocks[BLOCKS];

	early += __rseq_abi[1] >= 0;
	for (int round = 0; round < ROUNDS; round++) {
		for (int i = 0; i < BLOCKS; i++) {
			blocks[i] = BridgeTCMallocInternalNewAlignedNothrow(size_of(i), 16);
			if (blocks[i] == NULL) {
				failures++;
				return NULL;
			}
			memset(blocks[i], mark, size_of(i));
		}
		// a block that was given to two threads holds another mark
		for (int i = 0; i < BLOCKS; i++)
			overlaps += !is_filled(blocks[i], size_of(i), mark);
		for (int i = 0; i < BLOCKS; i++) {
			// some are freed by whoever comes next
			char *other = blocks[i];

			if (round % 8 == 0)
				other = atomic_exchange(&handed_over[i], blocks[i]);
			if (other)
				TCMallocInternalDeleteSizedAligned(other, size_of(i), 16);
		}
	}
	return NULL;
}

int main(int arguments, char **argument)
{
	void *(*routine)(void *) = arguments > 1 ? works_and_waits : works;
	pthread_t threads[THREADS];
	char byte;

	if (arguments > 1 && strchr(argument[1], '/'))
		dup2(open(argument[1], O_RDONLY), 0);
	works(NULL);
	pthread_mutex_lock(&end);
	for (intptr_t i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, routine, (void *)(i + 1)))
			return 3;
	if (arguments > 1) {
		while (waiting < THREADS)
			usleep(1000);
		puts("ready");
		fflush(stdout);
		while (read(0, &byte, 1) == 1)
			;
	}
	pthread_mutex_unlock(&end);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	printf("per-CPU caches %s\n",
	       MallocExtension_Internal_GetPerCpuCachesActive() ? "on" : "off");
	printf("%d threads registered before\n", early);
	printf("%d overlaps %d failures\n", overlaps, failures);
	return overlaps || failures;
}
