// Allocates, writes, compares and frees through TCMalloc in several threads, and
// says whether its per-CPU caches are on. It never asks who registered rseq.
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

void *BridgeTCMallocInternalNewAlignedNothrow(size_t size, size_t alignment);
void TCMallocInternalDeleteSizedAligned(void *memory, size_t size, size_t alignment);
bool MallocExtension_Internal_GetPerCpuCachesActive(void);

enum { THREADS = 8, ROUNDS = 400, BLOCKS = 100 };

static atomic_int overlaps, failures;
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

static void *works(void *number)
{
	char mark = (char)(1 + (intptr_t)number);
	char *blocks[BLOCKS];

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

int main(void)
{
	pthread_t threads[THREADS];

	works(NULL);
	for (intptr_t i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, works, (void *)(i + 1)))
			return 3;
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	printf("per-CPU caches %s\n",
	       MallocExtension_Internal_GetPerCpuCachesActive() ? "on" : "off");
	printf("%d overlaps %d failures\n", overlaps, failures);
	return overlaps || failures;
}
