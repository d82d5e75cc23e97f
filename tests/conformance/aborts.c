// The kernel aborts a critical section, whatever interrupts it. Some released
// kernels do not.
//
//! asks: aborted-by-signal: a signal aborts a critical section
//! asks: aborted-by-preemption: preemption aborts a critical section
//! asks: aborted-by-migration: migration to another CPU aborts a critical section
//! asks: aborted-by-membarrier: membarrier aborts a critical section
#define _GNU_SOURCE
#include <linux/membarrier.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>

#include "conformance.h"
#include "section.h"

enum { TRIES = 20, PATIENCE_MS = 200 };

static cpu_set_t allowed;
static int cpus[CPU_SETSIZE], many;
static volatile int inside, finished, usable, go_away, whole, aborted;

static void pin(pthread_t thread, int cpu)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	int error = pthread_setaffinity_np(thread, sizeof one, &one);

	// a thread without an area may have ended already
	if (error && error != ESRCH)
		broken("affinity");
}

// Runs critical sections until told to stop. They are short, so that it stops
// soon, and follow each other closely, so that it is nearly always in one.
static void *waits(void *unused)
{
	struct area *area = usable_area();

	usable = area ? 1 : -1;
	while (area && !go_away) {
		if (section_wait(area, &inside, 20000000))
			whole = whole + 1;
		else
			aborted = aborted + 1;
	}
	finished = 1;
	return unused;
}

static void handler(int signal)
{
	(void)signal;
}

static void by_signal(pthread_t thread)
{
	pthread_kill(thread, SIGUSR1);
}

static void by_migration(pthread_t thread)
{
	static int next;

	pin(thread, cpus[1 + next++ % (many - 1)]);
}

static void by_membarrier(pthread_t thread)
{
	(void)thread;
	syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ, 0, 0);
}

// A second thread that competes for the same CPU.
static void *burns(void *unused)
{
	while (!go_away)
		;
	return unused;
}

static void by_preemption(pthread_t thread)
{
	(void)thread;
	sleep_ms(20);
}

static void question(const char *name, void (*interrupt)(pthread_t), int needed, int rival)
{
	pthread_t thread, other;
	int tries = 0;

	if (many < needed) {
		tell(name, SKIP, "needs %d CPUs", needed);
		return;
	}
	inside = finished = usable = go_away = whole = aborted = 0;
	if (pthread_create(&thread, NULL, waits, NULL))
		broken("pthread_create");
	pin(thread, cpus[many - 1]);
	if (rival) {
		if (pthread_create(&other, NULL, burns, NULL))
			broken("pthread_create");
		pin(other, cpus[many - 1]);
	}
	while (!usable)
		sleep_ms(1);
	for (; usable > 0 && tries < TRIES && !aborted; tries++) {
		inside = 0;
		for (int i = 0; i < PATIENCE_MS && !inside; i++)
			sleep_ms(1);
		interrupt(thread);
		for (int i = 0; i < PATIENCE_MS && !aborted; i++)
			sleep_ms(1);
	}
	go_away = 1;
	if (rival)
		pthread_join(other, NULL);
	pthread_join(thread, NULL);
	if (usable < 0)
		tell(name, NO, "no usable area");
	else
		tell(name, aborted > 0, "%d aborted, %d whole, after %d tries", aborted, whole, tries);
}

int main(void)
{
	struct sigaction action = { .sa_handler = handler, .sa_flags = SA_RESTART };

	begin();
	if (sched_getaffinity(0, sizeof allowed, &allowed))
		broken("affinity");
	for (int i = 0; i < CPU_SETSIZE; i++)
		if (CPU_ISSET(i, &allowed))
			cpus[many++] = i;
	// the main thread keeps out of the way
	pin(pthread_self(), cpus[0]);
	sigaction(SIGUSR1, &action, NULL);

	int supported = HAS_SECTIONS ? 1 : 1 << 20;

	question("aborted-by-signal", by_signal, supported, 0);
	question("aborted-by-preemption", by_preemption, supported, 1);
	question("aborted-by-migration", by_migration, HAS_SECTIONS ? 2 : supported, 0);
	if (syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_RSEQ, 0, 0))
		tell("aborted-by-membarrier", SKIP, "membarrier: %s", strerror(errno));
	else
		question("aborted-by-membarrier", by_membarrier, supported, 0);
	return 0;
}
