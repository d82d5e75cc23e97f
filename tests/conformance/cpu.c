// cpu_id is the CPU of the thread: while it is pinned, while another thread moves
// it, and while the scheduler does.
//
//! asks: cpu_id-of-pinned-thread: cpu_id is the CPU that a thread has just pinned itself to
//! asks: cpu_id_start-of-pinned-thread: cpu_id_start is that CPU too
//! asks: sched_getcpu-of-pinned-thread: sched_getcpu returns that CPU too
//! asks: cpu_id-of-moving-thread: cpu_id agrees with the kernel while the thread is moved from CPU to CPU
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "conformance.h"

static cpu_set_t allowed;
static int cpus[CPU_SETSIZE], many;

static int kernels_cpu(void)
{
	unsigned cpu = -1U;

	syscall(SYS_getcpu, &cpu, NULL, NULL);
	return (int)cpu;
}

static void pin(pthread_t thread, int cpu)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	if (pthread_setaffinity_np(thread, sizeof one, &one))
		broken("affinity");
}

// Pins itself to each CPU in turn.
static void *pinned(void *unused)
{
	struct area *area = usable_area();
	int wrong = 0, start_wrong = 0, libc_wrong = 0, total = rounds(200);

	if (area == NULL) {
		tell("cpu_id-of-pinned-thread", NO, "no usable area");
		tell("cpu_id_start-of-pinned-thread", NO, "no usable area");
	}
	for (int i = 0; i < total; i++) {
		int cpu = cpus[i % many];

		pin(pthread_self(), cpu);
		if (area) {
			wrong += (int)cpu_id_of(area) != cpu;
			start_wrong += (int)*(volatile uint32_t *)&area->cpu_id_start != cpu;
		}
		libc_wrong += sched_getcpu() != cpu;
	}
	if (area) {
		tell("cpu_id-of-pinned-thread", !wrong, "%d of %d wrong on %d CPUs", wrong, total, many);
		tell("cpu_id_start-of-pinned-thread", !start_wrong, "%d of %d wrong", start_wrong, total);
	}
	tell("sched_getcpu-of-pinned-thread", !libc_wrong, "%d of %d wrong", libc_wrong, total);
	pthread_setaffinity_np(pthread_self(), sizeof allowed, &allowed);
	return unused;
}

// Runs where the scheduler puts it. What it reads between two equal answers of the
// kernel must be that answer, unless it was moved away and back in between.
static atomic_int stop, asked, wrong, ready;

static void *moving(void *unused)
{
	struct area *area = usable_area();

	ready = area ? 1 : -1;
	while (area && !stop) {
		int tries = 0, before, read, after;

		do {
			before = kernels_cpu();
			read = (int)cpu_id_of(area);
			after = kernels_cpu();
		} while (read != before && tries++ < 100);
		asked++;
		wrong += before == after && read != before;
		if (asked % 64 == 0)
			sched_yield();
	}
	return unused;
}

int main(void)
{
	pthread_t thread;

	begin();
	if (sched_getaffinity(0, sizeof allowed, &allowed))
		broken("affinity");
	for (int i = 0; i < CPU_SETSIZE; i++)
		if (CPU_ISSET(i, &allowed))
			cpus[many++] = i;
	pinned(NULL);
	if (pthread_create(&thread, NULL, moving, NULL))
		broken("pthread_create");
	while (!ready)
		sched_yield();

	int total = rounds(400);

	for (int i = 0; i < total && ready > 0; i++) {
		pin(thread, cpus[i % many]);
		sleep_ms(1);
	}
	stop = 1;
	pthread_join(thread, NULL);
	if (ready < 0)
		tell("cpu_id-of-moving-thread", NO, "no usable area");
	else
		tell("cpu_id-of-moving-thread", wrong ? NO : YES,
		     "%d wrong while moved %d times over %d CPUs", wrong, total, many);
	return 0;
}
