// Per-CPU counters with critical sections add up exactly, with more threads than
// CPUs: under preemption, under signals whose handler counts too, and under
// membarrier, after which no thread writes to the counters that were replaced.
//
//! asks: counter-under-preemption: per-CPU counters add up, with more threads than CPUs
//! asks: counter-under-signals: they add up while signals arrive whose handler counts too
//! asks: counter-under-membarrier: they add up while they are exchanged; after a barrier no thread writes to the old ones
#define _GNU_SOURCE
#include <linux/membarrier.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>

#include "conformance.h"
#include "section.h"

enum { CPUS = 1024, MOST_THREADS = 64, DAWDLE = 100 };

struct cell {
	long count;
	char apart[120];
};

static struct cell cells[2][CPUS];
static char *volatile current = (char *)cells[0];
static pthread_t threads[MOST_THREADS];
static int many, each;
static atomic_long slow, failed, counted_by_handler;
static atomic_int running;

// Repeats a critical section until it commits.
static void add(struct area *area)
{
	for (int i = 0; i < 100000; i++) {
		uint32_t cpu = is_number(area) ? cpu_id_of(area) : CPUS;

		if (cpu >= CPUS)
			break;
		if (section_add(area, cpu, (char **)&current, cpu * (long)sizeof(struct cell), DAWDLE))
			return;
		failed++;
	}
	slow++;
}

static void *counts(void *unused)
{
	struct area *area = usable_area();

	for (int i = 0; i < each; i++)
		add(area);
	running--;
	return unused;
}

// A handler may not call dlsym: a client remembers its area.
static __thread struct area *handlers_area;

static void handler(int signal)
{
	struct area *area = handlers_area;
	uint32_t cpu = is_number(area) ? cpu_id_of(area) : CPUS;

	(void)signal;
	for (int i = 0; i < 1000 && cpu < CPUS; i++, cpu = cpu_id_of(area))
		if (section_add(area, cpu, (char **)&current, cpu * (long)sizeof(struct cell), 1)) {
			counted_by_handler++;
			return;
		}
}

static void *counts_with_handler(void *unused)
{
	handlers_area = usable_area();
	return counts(unused);
}

static long sum(struct cell *from)
{
	long total = 0;

	for (int i = 0; i < CPUS; i++)
		total += ((volatile struct cell *)from)[i].count;
	return total;
}

static void start(void *(*routine)(void *))
{
	memset(cells, 0, sizeof cells);
	slow = failed = counted_by_handler = 0;
	running = many;
	for (int i = 0; i < many; i++)
		if (pthread_create(&threads[i], NULL, routine, NULL))
			broken("pthread_create");
}

static void finish(const char *question, const char *how)
{
	for (int i = 0; i < many; i++)
		pthread_join(threads[i], NULL);

	long found = sum(cells[0]) + sum(cells[1]);
	long expected = (long)many * each - slow + counted_by_handler;

	tell(question, found == expected && slow == 0, "%ld counted of %ld by %d threads, %ld aborted, %ld without rseq%s",
	     found, expected, many, (long)failed, (long)slow, how);
}

int main(void)
{
	static const char *const questions[] = { "counter-under-preemption", "counter-under-signals",
						 "counter-under-membarrier" };
	cpu_set_t allowed;
	int late = 0, switched = 0;

	begin();
	if (!HAS_SECTIONS || sched_getaffinity(0, sizeof allowed, &allowed)) {
		for (int i = 0; i < 3; i++)
			tell(questions[i], SKIP, "no critical sections for this architecture");
		return 0;
	}
	many = 2 * CPU_COUNT(&allowed) + 2;
	many = many < MOST_THREADS ? many : MOST_THREADS;
	each = rounds(1600000) / many;

	start(counts);
	finish(questions[0], "");

	struct sigaction action = { .sa_handler = handler, .sa_flags = SA_RESTART };

	sigaction(SIGUSR1, &action, NULL);
	start(counts_with_handler);
	for (int i = 0; running; i++) {
		pthread_kill(threads[i % many], SIGUSR1);
		if (i % 8 == 0)
			sched_yield();
	}
	finish(questions[1], ", the handler counts too");

	if (syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_RSEQ, 0, 0)) {
		tell(questions[2], SKIP, "membarrier: %s", strerror(errno));
		return 0;
	}
	start(counts);
	while (running) {
		int old = switched++ % 2;

		current = (char *)cells[!old];
		if (syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ, 0, 0))
			broken("membarrier");
		long before = sum(cells[old]);

		sched_yield();
		late += sum(cells[old]) != before;
	}
	if (late) {
		for (int i = 0; i < many; i++)
			pthread_join(threads[i], NULL);
		tell(questions[2], NO, "%d of %d barriers let a late write through", late, switched);
		return 0;
	}
	finish(questions[2], ", no write after a barrier");
	return 0;
}
