// A conservative collector stops threads by a signal and scans their stacks. Live
// objects that only a stack knows of must survive, also while that thread loads.
//
//     gc FOLDER ROUNDS main|threads
#define GC_THREADS
#define GC_NO_THREAD_REDIRECTS
#include <gc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugins.h"

enum { KEPT = 200, WORDS = 12, LOADERS = 2 };

static const char *folder;
static int rounds;
static atomic_int lost, done;

static __attribute__((noinline)) void make(long **kept, long round)
{
	for (int i = 0; i < KEPT; i++) {
		kept[i] = GC_malloc_atomic(WORDS * sizeof(long));
		for (int word = 0; word < WORDS; word++)
			kept[i][word] = round * 1000 + i;
	}
}

static __attribute__((noinline)) int check(long *const *kept, long round)
{
	int bad = 0;

	for (int i = 0; i < KEPT; i++)
		for (int word = 0; word < WORDS; word++)
			if (kept[i][word] != round * 1000 + i) {
				bad++;
				break;
			}
	return bad;
}

static void load(void)
{
	for (long round = 0; round < rounds; round++) {
		long *volatile kept[KEPT];

		make((long **)kept, round);
		for (int i = 0; i < 20; i++)
			dlclose(opened(folder, round * 20 + i));
		lost += check((long *const *)kept, round);
	}
}

static void enter(void)
{
	struct GC_stack_base base;

	GC_get_stack_base(&base);
	GC_register_my_thread(&base);
}

static void *loader(void *unused)
{
	enter();
	load();
	GC_unregister_my_thread();
	return unused;
}

static void *allocator(void *unused)
{
	enter();
	for (int i = 0; !done; i++) {
		long *garbage = GC_malloc_atomic(WORDS * sizeof(long));

		memset(garbage, 0xdd, WORDS * sizeof(long));
		if (i % 5000 == 0)
			GC_gcollect();
	}
	GC_unregister_my_thread();
	return unused;
}

int main(int count, char **arguments)
{
	pthread_t threads[LOADERS], other;
	int in_main = count > 3 && !strcmp(arguments[3], "main");

	folder = arguments[1];
	rounds = atoi(arguments[2]);
	// what it finds in libraries that others unload meanwhile is its own affair
	GC_set_no_dls(1);
	GC_INIT();
	GC_allow_register_threads();
	pthread_create(&other, NULL, allocator, NULL);
	if (in_main) {
		load();
	} else {
		for (int i = 0; i < LOADERS; i++)
			pthread_create(&threads[i], NULL, loader, NULL);
		// GC must be able to stop this thread, too, and it has nothing to do
		for (int i = 0; i < LOADERS; i++)
			pthread_join(threads[i], NULL);
	}
	done = 1;
	pthread_join(other, NULL);
	if (lost)
		fprintf(stderr, "%d live objects were freed\n", lost);
	return lost != 0;
}
