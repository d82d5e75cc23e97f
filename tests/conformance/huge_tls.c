// A program with a huge TLS segment: the area lies far from the thread pointer,
// and each thread's stack must hold the whole segment.
//
//! asks: huge-tls-registered-in-main: with 16 MiB of TLS, the main thread is registered when main begins
//! asks: huge-tls-registered-in-threads: other threads are registered at their first instruction
//! asks: huge-tls-cpu_id: cpu_id is the CPU that the thread runs on
//! asks: huge-tls-fork: a child of fork is registered
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>

#include "conformance.h"

enum { HUGE = 16 << 20, TIMES = 4 };

static __thread char huge[HUGE];
static __thread long with_a_value = 42;

static int right;

static void *asks(void *answer)
{
	*(int *)answer = is_registered() && with_a_value == 42;
	huge[HUGE - 1] = 1;
	huge[0] = 1;
	*(int *)answer &= is_registered();

	struct area *area = usable_area();
	cpu_set_t one;
	int cpu = sched_getcpu();

	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	right += area && sched_setaffinity(0, sizeof one, &one) == 0 && is_number(area) &&
		 cpu_id_of(area) == (uint32_t)cpu;
	return NULL;
}

int main(void)
{
	int in_main = is_registered(), in_threads = 0, answer;
	pthread_attr_t attributes;
	pthread_t thread;

	begin();
	tell("huge-tls-registered-in-main", in_main, "%d bytes of TLS", HUGE);
	pthread_attr_init(&attributes);
	if (pthread_attr_setstacksize(&attributes, 2 * HUGE))
		broken("stack size");
	for (int i = 0; i < TIMES; i++) {
		if (pthread_create(&thread, &attributes, asks, &answer))
			broken("pthread_create");
		pthread_join(thread, NULL);
		in_threads += answer;
	}
	tell("huge-tls-registered-in-threads", in_threads == TIMES, "%d of %d", in_threads, TIMES);
	tell("huge-tls-cpu_id", right == TIMES, "%d of %d", right, TIMES);
	usable_area();

	int status;
	pid_t child = fork();

	if (child == 0)
		_exit(is_registered());
	if (child < 0 || waitpid(child, &status, 0) != child)
		broken("fork");
	tell("huge-tls-fork", status == 1 << 8, "status %d", status);
	return 0;
}
