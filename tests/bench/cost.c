/* What the interposed names cost: one line per name, best of ROUNDS rounds, in
 * nanoseconds. Plain C that knows nothing of the shim.
 *
 * cc -O2 cost.c -o cost -pthread && cc -O2 -fPIC -shared small.c -o libsmall.so
 * ./cost ./libsmall.so
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { ROUNDS = 15 };

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e9 + t.tv_nsec;
}

static void *nothing(void *argument)
{
	return argument;
}

static void one_thread(void)
{
	pthread_t thread;
	if (pthread_create(&thread, NULL, nothing, NULL) == 0)
		pthread_join(thread, NULL);
}

static void one_cpu(void)
{
	static volatile int cpu;
	cpu = sched_getcpu();
}

static void one_syscall(void)
{
	static volatile long parent;
	parent = syscall(SYS_getppid);
}

static const char *library;

static void one_library(void)
{
	void *handle = dlopen(library, RTLD_NOW);
	if (handle)
		dlclose(handle);
}

static void measure(const char *name, void (*once)(void), int calls)
{
	double best = 1e30;
	for (int round = 0; round < ROUNDS; round++) {
		double start = now();
		for (int call = 0; call < calls; call++)
			once();
		double each = (now() - start) / calls;
		if (each < best)
			best = each;
	}
	printf("%s %.2f\n", name, best);
}

int main(int argc, char **argv)
{
	measure("pthread_create+join", one_thread, 2000);
	measure("sched_getcpu", one_cpu, 200000);
	measure("syscall", one_syscall, 100000);
	if (argc > 1) {
		library = argv[1];
		measure("dlopen+dlclose", one_library, 300);
	}
	return 0;
}
