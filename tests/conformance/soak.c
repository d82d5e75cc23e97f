// Thousands of threads, some joined and some detached, from several creators: each
// is registered at its first instruction, and the memory in use does not grow.
//
// CONFORMANCE_THREADS: how many threads; 20,000 without it.
//
//! asks: soak-all-registered: every thread is registered before its start routine
//! asks: soak-memory-is-flat: resident memory at the end is what it was after a tenth of the threads
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <threads.h>

#include "conformance.h"

enum { CREATORS = 4, AHEAD = 64, ROOM_KIB = 2048 };

static atomic_long created, begun, registered, ended_detached, refused;
static long threads, each;
static _Atomic long resident_early, address_space_early;

// Reads how many pages the address space and the resident memory have; 0 without
// /proc.
static void memory(long *space, long *resident)
{
	FILE *file = fopen("/proc/self/statm", "r");

	*space = *resident = 0;
	if (file == NULL)
		return;
	if (fscanf(file, "%ld %ld", space, resident) != 2)
		*space = *resident = 0;
	fclose(file);
}

static void look(void)
{
	int here = holder_of(&nobodys_area) == FOREIGN;

	registered += here;
	if (++begun == threads / 10) {
		long space, resident;

		memory(&space, &resident);
		address_space_early = space;
		resident_early = resident;
	}
}

static void *joined(void *unused)
{
	look();
	return unused;
}

static int joined_c(void *unused)
{
	look();
	return unused != NULL;
}

static void *detached(void *unused)
{
	look();
	ended_detached++;
	return unused;
}

static void *creates(void *unused)
{
	pthread_attr_t attributes;
	pthread_t thread;
	thrd_t c_thread;

	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, 64 * 1024);
	for (long i = 0; i < each; i++) {
		int way = i % 8, failed;

		pthread_attr_setdetachstate(&attributes, way < 4 ? PTHREAD_CREATE_DETACHED
								 : PTHREAD_CREATE_JOINABLE);
		while (way == 7 ? thrd_create(&c_thread, joined_c, NULL) != thrd_success
		     : (failed = pthread_create(&thread, &attributes, way < 4 ? detached : joined,
						NULL))) {
			refused++;
			sched_yield();
		}
		created++;
		if (way == 7)
			thrd_join(c_thread, NULL);
		else if (way >= 4)
			pthread_join(thread, NULL);
		while (created - begun > AHEAD)
			sched_yield();
	}
	return unused;
}

int main(void)
{
	const char *text = getenv("CONFORMANCE_THREADS");
	pthread_t creators[CREATORS];
	struct timespec start, end;
	long space, resident, page = sysconf(_SC_PAGESIZE) / 1024;

	begin();
	if (text)
		alarm(1200);
	each = (text ? atol(text) : rounds(20000)) / CREATORS;
	each = each > 0 ? each : 1;
	threads = each * CREATORS;
	clock_gettime(CLOCK_MONOTONIC, &start);
	for (int i = 0; i < CREATORS; i++)
		if (pthread_create(&creators[i], NULL, creates, NULL))
			broken("pthread_create");
	for (int i = 0; i < CREATORS; i++)
		pthread_join(creators[i], NULL);
	while (begun < threads || ended_detached < threads / 8 * 4)
		sched_yield();
	clock_gettime(CLOCK_MONOTONIC, &end);
	sleep_ms(50);
	memory(&space, &resident);

	double seconds = (double)(end.tv_sec - start.tv_sec) + (double)(end.tv_nsec - start.tv_nsec) / 1e9;

	tell("soak-all-registered", registered == threads,
	     "%ld threads in %.1f s, %ld unregistered, %ld creations repeated", threads, seconds,
	     threads - registered, (long)refused);
	if (resident == 0)
		tell("soak-memory-is-flat", SKIP, "needs /proc");
	else
		tell("soak-memory-is-flat", (resident - resident_early) * page <= ROOM_KIB,
		     "resident %ld KiB after a tenth, %ld KiB at the end; address space %ld and %ld KiB",
		     resident_early * page, resident * page, address_space_early * page, space * page);
	return 0;
}
