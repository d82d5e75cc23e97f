/* A program that is linked with a glibc that owns __rseq_abi: says in how many of
 * its five threads the area that it knows is the one that __rseq_offset leads to
 * and that the kernel holds with 32 bytes, and what __rseq_handled says. Then it
 * waits for the end of its input, so that somebody else can look at it.
 *
 * -DDEFINES: with a definition of its own, which is longer than that.
 * -DHIDES:   with one that nobody else can see. It does not ask for __rseq_offset:
 *            who does looks for the libc's area before it registers its own.
 */
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>

#include "../fixtures/ask.h"
#include "../fixtures/stay.h"

struct long_area {
	struct area area;
	char more[96];
};

#if defined DEFINES
__thread struct long_area __rseq_abi = { .area.cpu_id = -1U };
#elif defined HIDES
__attribute__((visibility("hidden"))) __thread struct long_area __rseq_abi = {
	.area.cpu_id = -1U
};
#else
extern __thread struct long_area __rseq_abi;
#endif
extern int __rseq_handled;

#if defined HIDES
static int is_the_libcs(void)
{
	return 1;
}
#else
extern const ptrdiff_t __rseq_offset;

static int is_the_libcs(void)
{
	char *pointer;

	__asm__("mov %%fs:0, %0" : "=r"(pointer));
	return pointer + __rseq_offset == (char *)&__rseq_abi;
}
#endif

static int shared;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void look(void)
{
	if (is_the_libcs() && holder_of(&__rseq_abi.area) == OURS) {
		pthread_mutex_lock(&lock);
		shared++;
		pthread_mutex_unlock(&lock);
	}
}

static void tell(void)
{
	printf("shared %d handled %d\n", shared, __rseq_handled);
}

int main(void)
{
	return stay(look, tell);
}
