/* A program that is linked with a glibc that owns __rseq_abi: says in how many of
 * its five threads the area that it knows is the one that __rseq_offset leads to
 * and that the kernel holds with 32 bytes, and what __rseq_handled says. Then it
 * waits for the end of its input, so that somebody else can look at it.
 *
 * -DDEFINES: with a definition of its own, which is longer than that.
 * -DHIDES:   with one that nobody else can see.
 */
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <unistd.h>

#include "../fixtures/ask.h"

enum { THREADS = 4 };

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
extern const ptrdiff_t __rseq_offset;
extern int __rseq_handled;

static pthread_barrier_t looked, asked;
static int shared;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void look(void)
{
	char *pointer;

	__asm__("mov %%fs:0, %0" : "=r"(pointer));
	if (pointer + __rseq_offset == (char *)&__rseq_abi &&
	    holder_of(&__rseq_abi.area) == OURS) {
		pthread_mutex_lock(&lock);
		shared++;
		pthread_mutex_unlock(&lock);
	}
}

static void *thread(void *unused)
{
	look();
	pthread_barrier_wait(&looked);
	pthread_barrier_wait(&asked);
	return unused;
}

int main(void)
{
	pthread_t threads[THREADS];
	char byte;

	pthread_barrier_init(&looked, NULL, THREADS + 1);
	pthread_barrier_init(&asked, NULL, THREADS + 1);
	look();
	for (int i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, thread, NULL))
			return 3;
	pthread_barrier_wait(&looked);
	printf("shared %d handled %d\nready\n", shared, __rseq_handled);
	fflush(stdout);
	while (read(0, &byte, 1) == 1)
		;
	pthread_barrier_wait(&asked);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	return 0;
}
