// A process at its limit of threads, and one at its limit of memory.
//
//! asks: thread-limit-is-an-error: at the limit of threads, pthread_create answers EAGAIN
//! asks: thread-limit-registers: the threads that could be started are registered
//! asks: thread-limit-recovers: after others have ended, new threads start and are registered
//! asks: no-memory-is-an-error: without memory for a stack, pthread_create answers EAGAIN
//! asks: no-memory-for-start-goes-on: hundreds of threads that wait to begin, on stacks of their own, do begin
//! asks: no-memory-for-start-registers: those threads are registered
//! asks: no-memory-for-events-goes-on: hundreds of timers with SIGEV_THREAD call their functions
//! asks: no-memory-for-events-registers: the functions run in registered threads
//! asks: memory-again: when memory is available again, new threads start and are registered
#define _GNU_SOURCE
#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "conformance.h"

enum { LIMIT = 16, MOST = 64, HUNDREDS = 300, STACK = 128 * 1024 };

static atomic_int begun, registered, go;
static pthread_t threads[HUNDREDS];

static void look(void)
{
	registered += holder_of(&nobodys_area) == FOREIGN;
	begun++;
}

static void *waits(void *unused)
{
	look();
	while (!go)
		sleep_ms(1);
	return unused;
}

// The limit counts all processes of a user and does not hold for root. So this
// runs in a child, as a user who has no other process, not even in another run of
// the same test.
struct told {
	int error, started, registered, again;
};

static void at_the_limit(struct told *told)
{
	struct rlimit limit = { LIMIT, LIMIT };
	int many = 0, user = 60000 + getpid() % 5000;

	if (geteuid() == 0 &&
	    (syscall(SYS_setresgid, user, user, user) || syscall(SYS_setresuid, user, user, user)))
		return;
	if (setrlimit(RLIMIT_NPROC, &limit))
		return;
	// attempts that fail must leave nothing behind
	for (int turn = 0; turn < 50; turn++) {
		for (; many < MOST; many++) {
			told->error = pthread_create(&threads[many], NULL, waits, NULL);
			if (told->error)
				break;
		}
	}
	told->started = many;
	for (int i = 0; i < 30000 && begun < many; i++)
		sleep_ms(1);
	told->registered = registered;
	go = 1;
	for (int i = 0; i < many; i++)
		pthread_join(threads[i], NULL);
	begun = registered = 0;
	// the kernel counts a thread for a moment after it has ended
	for (int i = 0; i < 1000; i++) {
		if (pthread_create(&threads[0], NULL, waits, NULL) == 0) {
			pthread_join(threads[0], NULL);
			break;
		}
		sleep_ms(5);
	}
	told->again = begun == 1 && registered == 1;
}

static void thread_limit(void)
{
	struct told *told = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int status;

	if (told == MAP_FAILED)
		broken("mmap");

	pid_t child = fork();

	if (child == 0) {
		at_the_limit(told);
		_exit(0);
	}
	if (child < 0 || waitpid(child, &status, 0) != child)
		broken("fork");
	if (status == 0 && told->error == 0) {
		tell("thread-limit-is-an-error", SKIP, "no limit to be had, %d threads", told->started);
		tell("thread-limit-registers", SKIP, "no limit to be had");
		tell("thread-limit-recovers", SKIP, "no limit to be had");
		return;
	}
	tell("thread-limit-is-an-error", status == 0 && told->error == EAGAIN, "%s after %d threads, status %d",
	     strerror(told->error), told->started, status);
	tell("thread-limit-registers", told->started == told->registered, "%d of %d", told->registered,
	     told->started);
	tell("thread-limit-recovers", told->again, "a thread afterwards");
}

// Limits the address space to what is in use, until give_memory.
static struct rlimit before;

static int limit_memory(void)
{
	long pages = 0;
	FILE *file = fopen("/proc/self/statm", "r");
	struct rlimit limit;

	if (file) {
		if (fscanf(file, "%ld", &pages) != 1)
			pages = 0;
		fclose(file);
	}
	getrlimit(RLIMIT_AS, &before);
	limit = before;
	// without /proc: less than is in use, so that nothing can be mapped either
	limit.rlim_cur = pages ? (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE) : 1 << 20;
	return setrlimit(RLIMIT_AS, &limit);
}

static void give_memory(void)
{
	setrlimit(RLIMIT_AS, &before);
}

// Makes room in the heap, so that malloc needs no more memory of the system.
static void fill_heap(void)
{
	static void *blocks[256];

	mallopt(M_TRIM_THRESHOLD, 1 << 30);
	mallopt(M_ARENA_MAX, 1);
	for (int i = 0; i < 256; i++)
		blocks[i] = malloc(32 * 1024);
	for (int i = 0; i < 256; i++)
		free(blocks[i]);
}

static void *begins(void *unused)
{
	look();
	return unused;
}

// The creator occupies the only CPU that the new threads may run on: none begins
// before all are started.
static void without_memory_for_start(void)
{
	static const char *const names[] = { "no-memory-for-start-goes-on", "no-memory-for-start-registers" };
	struct sched_param first = { .sched_priority = 1 }, plain = { 0 };
	int started = 0, policy = sched_getscheduler(0);
	char *stacks = mmap(NULL, (size_t)HUNDREDS * STACK, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pthread_attr_t attributes;
	cpu_set_t all, one;

	if (stacks == MAP_FAILED || sched_getaffinity(0, sizeof all, &all))
		broken("stacks");
	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	if (sched_setaffinity(0, sizeof one, &one) || sched_setscheduler(0, SCHED_FIFO, &first)) {
		tell(names[0], SKIP, "needs real-time priority: %s", strerror(errno));
		tell(names[1], SKIP, "needs real-time priority");
		sched_setaffinity(0, sizeof all, &all);
		return;
	}
	pthread_attr_init(&attributes);
	pthread_attr_setinheritsched(&attributes, PTHREAD_EXPLICIT_SCHED);
	pthread_attr_setschedpolicy(&attributes, SCHED_OTHER);
	pthread_attr_setschedparam(&attributes, &plain);
	begun = registered = 0;
	if (limit_memory())
		broken("RLIMIT_AS");
	for (; started < HUNDREDS; started++) {
		pthread_attr_setstack(&attributes, stacks + (size_t)started * STACK, STACK);
		if (pthread_create(&threads[started], &attributes, begins, NULL))
			break;
	}

	int early = begun;

	sched_setscheduler(0, policy, &plain);
	for (int i = 0; i < started; i++)
		pthread_join(threads[i], NULL);
	give_memory();
	sched_setaffinity(0, sizeof all, &all);
	tell(names[0], started == HUNDREDS && begun == started, "%d started, %d begun, %d of them early",
	     started, begun, early);
	tell(names[1], registered == begun && begun > 0, "%d of %d", registered, begun);
	munmap(stacks, (size_t)HUNDREDS * STACK);
}

static void notified(union sigval value)
{
	(void)value;
	look();
}

static void without_memory_for_events(void)
{
	static timer_t timers[HUNDREDS];
	struct itimerspec soon = { .it_value.tv_nsec = 1000000 };
	pthread_attr_t attributes;
	struct sigevent event = {
		.sigev_notify = SIGEV_THREAD,
		.sigev_notify_function = notified,
		.sigev_notify_attributes = &attributes,
	};
	int made = 0;

	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	begun = registered = 0;
	// the libc's own helper thread
	event.sigev_value.sival_int = -1;
	if (timer_create(CLOCK_MONOTONIC, &event, &timers[0]))
		broken("timer_create");
	timer_delete(timers[0]);
	if (limit_memory())
		broken("RLIMIT_AS");
	for (; made < HUNDREDS; made++) {
		event.sigev_value.sival_int = made;
		if (timer_create(CLOCK_MONOTONIC, &event, &timers[made]))
			break;
	}
	give_memory();
	// one after the other: the number of threads is not what is tested
	for (int i = 0; i < made; i++) {
		timer_settime(timers[i], 0, &soon, NULL);
		for (int k = 0; k < 10000 && begun < i + 1; k++)
			sleep_ms(1);
	}
	tell("no-memory-for-events-goes-on", made == HUNDREDS && begun == made, "%d made, %d begun", made,
	     begun);
	tell("no-memory-for-events-registers", registered == begun && begun > 0, "%d of %d", registered,
	     begun);
}

static void memory_limit(void)
{
	pthread_attr_t attributes;
	int error;

	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, 64 << 20);
	fill_heap();
	if (limit_memory())
		broken("RLIMIT_AS");
	error = pthread_create(&threads[0], &attributes, begins, NULL);
	give_memory();
	tell("no-memory-is-an-error", error == EAGAIN, "%s", strerror(error));
	without_memory_for_start();
	without_memory_for_events();
	begun = registered = 0;
	for (int i = 0; i < LIMIT; i++)
		if (pthread_create(&threads[i], NULL, begins, NULL))
			broken("pthread_create");
	for (int i = 0; i < LIMIT; i++)
		pthread_join(threads[i], NULL);
	tell("memory-again", begun == LIMIT && registered == LIMIT, "%d of %d", registered, begun);
}

int main(void)
{
	begin();
	thread_limit();
	memory_limit();
	return 0;
}
