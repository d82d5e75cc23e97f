// What this kernel does with rseq, one fact a line: NAME<TAB>WHAT. Nothing is
// judged here; facts.txt says what each kernel is known to do.
//
// Static, with the libc's registration switched off (GLIBC_TUNABLES): each
// question is put by a child of its own, which registers an area itself and may
// be killed for it.
#define _GNU_SOURCE
#include <linux/membarrier.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../conformance/section.h"
#include "../fixtures/ask.h"

enum { FEATURE_SIZE = 27, ALIGN = 28, SLICE_EXTENSION = 79, PATIENCE = 300 };

// What a child answers by its exit status.
enum { KEPT = 10, CHANGED, NOT_REGISTERED, NOT_SEEN, ABORTS, RUNS_ON };

// As large and as well aligned as any kernel wants it.
static _Alignas(128) char memory[256];

static struct area *area_at(int alignment)
{
	return (struct area *)(memory + (alignment < 128 ? alignment : 0));
}

static void pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof set, &set);
}

// A fact that a child finds out.
static void child(const char *name, int (*find_out)(int), int argument)
{
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		alarm(PATIENCE);
		_exit(find_out(argument));
	}
	waitpid(pid, &status, 0);
	printf("%s\t", name);
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV)
		puts("killed");
	else if (WIFSIGNALED(status))
		printf("signal %d\n", WTERMSIG(status));
	else
		switch (WEXITSTATUS(status)) {
		case KEPT: puts("kept"); break;
		case CHANGED: puts("rewritten"); break;
		case NOT_REGISTERED: puts("-"); break;
		case ABORTS: puts("aborts"); break;
		case RUNS_ON: puts("runs-on"); break;
		default: printf("broken %d\n", WEXITSTATUS(status));
		}
}

// What makes the kernel look at the area. Each answers whether it was seen.

static long switches(int voluntary)
{
	struct rusage usage;

	getrusage(RUSAGE_THREAD, &usage);
	return voluntary ? usage.ru_nvcsw : usage.ru_nivcsw;
}

static int by_sleep(void)
{
	long before = switches(1);

	// on a busy machine the time may be up before the thread is off the CPU
	for (long ms = 5; ms < 500 && switches(1) == before; ms++) {
		struct timespec time = { .tv_nsec = ms * 1000000 };

		nanosleep(&time, NULL);
	}
	return switches(1) > before;
}

// A process that wants the CPU of this one for itself.
static pid_t start_rival(void)
{
	int parent = getpid();
	pid_t rival = fork();

	if (rival == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		while (getppid() == parent)
			for (volatile int i = 0; i < 10000; i++)
				;
		_exit(0);
	}
	return rival;
}

static int by_preemption(void)
{
	long before = switches(0);
	pid_t rival = start_rival();

	while (switches(0) == before)
		for (volatile int i = 0; i < 10000; i++)
			;
	kill(rival, SIGKILL);
	return 1;
}

static volatile int handled;

static void handler(int signal)
{
	handled = signal;
}

static int by_signal(void)
{
	signal(SIGUSR1, handler);
	raise(SIGUSR1);
	return handled;
}

static int by_migration(void)
{
	pin(1);
	return 1;
}

static pthread_t fencer;
static volatile int go, fenced;

static void *fences(void *unused)
{
	pin(1);
	while (!go)
		;
	fenced = syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ, 0, 0) ? -1 : 1;
	return unused;
}

// The fencer must be there already: to start a thread is to sleep, perhaps.
static int by_membarrier(void)
{
	go = 1;
	while (!fenced)
		;
	return fenced > 0;
}

static const struct {
	const char *name;
	int (*trigger)(void);
} triggers[] = {
	{ "sleep", by_sleep },
	{ "preemption", by_preemption },
	{ "signal", by_signal },
	{ "membarrier", by_membarrier },
	{ "migration", by_migration },
};
enum { TRIGGERS = sizeof triggers / sizeof *triggers, MEMBARRIER = 3 };

// Whether a cpu_id_start that user space has changed survives: argument is the
// length and, above that, the trigger.
static int changes(int argument)
{
	int length = argument % 1000, which = argument / 1000;
	struct area *area = area_at(64);
	volatile uint32_t *start = &area->cpu_id_start;
	enum { CHANGED_TO = 0x80001234 };

	pin(0);
	if (ask(area, (uint32_t)length, 0))
		return NOT_REGISTERED;
	if (which == MEMBARRIER
	    && (syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_RSEQ, 0, 0)
		|| pthread_create(&fencer, NULL, fences, NULL)))
		return NOT_SEEN;
	*start = CHANGED_TO;
	if (!triggers[which].trigger())
		return NOT_SEEN;
	return *start == CHANGED_TO ? KEPT : CHANGED;
}

// Whether a thread that is interrupted in a critical section goes to its abort
// handler. It stays inside for long, so that it is. One that runs on counts where it was
// still inside afterwards, one that aborts where the interruption had begun.
static volatile int inside, begun, interrupted;

static void notes(int signal)
{
	(void)signal;
	if (inside == 1)
		interrupted = 1;
}

static int no_watcher(void)
{
	return 0;
}

static int fence(void)
{
	return (int)syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ, 0, 0);
}

static int move(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(1, &set);
	return sched_setaffinity(getpid(), sizeof set, &set);
}

static const struct {
	const char *name;
	int (*from_elsewhere)(void);
} interruptions[] = {
	{ "preemption", no_watcher },
	{ "signal", no_watcher },
	{ "membarrier", fence },
	{ "migration", move },
};
enum { INTERRUPTIONS = sizeof interruptions / sizeof *interruptions };
enum { PREEMPTION, SIGNAL };

static void *watches(void *how)
{
	int (*from_elsewhere)(void) = (int (*)(void))how;

	pin(1);
	for (;;) {
		while (inside != 1)
			;
		begun = 1;
		if (from_elsewhere() == 0 && inside == 1)
			interrupted = 1;
		while (inside == 1)
			;
	}
	return NULL;
}

static int sections(int argument)
{
	enum { TURNS = 20000000, SURE = 3 };
	int length = argument % 1000, which = argument / 1000, went_through = 0;
	struct area *area = area_at(64);
	struct sigevent notify = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1 };
	timer_t timer = NULL;
	pthread_t watcher;

	if (ask(area, (uint32_t)length, 0))
		return NOT_REGISTERED;
	signal(SIGUSR1, notes);
	if (which == SIGNAL && timer_create(CLOCK_MONOTONIC, &notify, &timer))
		return NOT_SEEN;
	if (which == PREEMPTION) {
		pin(0);
		start_rival();
	}
	if (which > SIGNAL
	    && (syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_RSEQ, 0, 0)
		|| pthread_create(&watcher, NULL, watches,
				  (void *)interruptions[which].from_elsewhere)))
		return NOT_SEEN;
	while (went_through < SURE) {
		struct itimerspec soon = { .it_value.tv_nsec = 1000000 };
		int to_end;
		long before;

		pin(0);
		begun = interrupted = 0;
		if (which == SIGNAL)
			timer_settime(timer, 0, &soon, NULL);
		before = switches(0);
		to_end = section_wait(area, &inside, TURNS);
		inside = 0;
		if (which == PREEMPTION)
			interrupted = switches(0) > before;
		if ((interrupted || begun) && !to_end)
			return ABORTS;
		went_through += to_end && interrupted;
	}
	return RUNS_ON;
}

// The kernel wants the signature before an abort handler, wherever the thread is.
extern const char abort_handler[] __attribute__((visibility("hidden")));
#ifdef __x86_64__
__asm__(".pushsection .text\n"
	".byte 0x0f, 0xb9, 0x3d\n"
	".long 0x53053053\n"
	"abort_handler:\n"
	"	ud2\n"
	".popsection\n");
#elif defined(__s390x__)
__asm__(".pushsection .text\n"
	".long 0xb2ff0fff\n"
	"abort_handler:\n"
	"	.long 0\n"
	".popsection\n");
#else
__asm__(".pushsection .text\n"
	".inst 0xd428bc00\n"
	"abort_handler:\n"
	"	udf #0\n"
	".popsection\n");
#endif

// Whether an rseq_cs that no longer fits is cleared.
static int stale(int unused)
{
	static struct {
		uint32_t version, flags;
		uint64_t start, length, abort;
	} section __attribute__((aligned(32)));
	struct area *area = area_at(64);

	(void)unused;
	pin(0);
	// nobody is ever in there
	section.start = (uint64_t)(uintptr_t)memory;
	section.length = 1;
	section.abort = (uint64_t)(uintptr_t)abort_handler;
	if (ask(area, 32, 0))
		return NOT_REGISTERED;
	*(volatile uint64_t *)&area->rseq_cs = (uint64_t)(uintptr_t)&section;
	if (!by_sleep())
		return NOT_SEEN;
	return *(volatile uint64_t *)&area->rseq_cs ? KEPT : CHANGED;
}

// Whether a thread survives that its area is gone.
static int unmapped(int length)
{
	char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	pin(0);
	if (ask((struct area *)page, (uint32_t)length, 0))
		return NOT_REGISTERED;
	munmap(page, 4096);
	return by_sleep() ? KEPT : NOT_SEEN;
}

static int node_id(int unused)
{
	struct area *area = area_at(64);

	(void)unused;
	area->rest[0] = 0x1234; // node_id
	if (ask(area, 32, 0))
		return NOT_REGISTERED;
	return *(volatile uint32_t *)&area->rest[0] == 0x1234 ? KEPT : CHANGED;
}

static void accepts(uint32_t length, int alignment)
{
	struct area *area = area_at(alignment);
	int error = ask(area, length, 0);

	if (error == 0)
		ask(area, length, ASK_UNREGISTER);
	printf("accepts-%u-at-%d\t%s\n", length, alignment, error ? "no" : "yes");
}

int main(void)
{
	char name[64];

	alarm(20 * PATIENCE);
	printf("feature-size\t%lu\n", getauxval(FEATURE_SIZE));
	printf("align\t%lu\n", getauxval(ALIGN));
	accepts(31, 64);
	accepts(32, 32);
	accepts(33, 64);
	accepts(40, 32);
	accepts(40, 64);
	accepts(64, 64);
	for (int length = 32; length < 34; length++)
		for (int which = 0; which < TRIGGERS; which++) {
			snprintf(name, sizeof name, "changed-%d-%s", length, triggers[which].name);
			child(name, changes, length + 1000 * which);
		}
	for (int length = 32; length < 34; length++)
		for (int which = 0; which < INTERRUPTIONS; which++) {
			snprintf(name, sizeof name, "section-%d-%s", length, interruptions[which].name);
			child(name, sections, length + 1000 * which);
		}
	child("node-id", node_id, 0);
	child("stale-section", stale, 0);
	child("unmapped-32", unmapped, 32);
	child("unmapped-33", unmapped, 33);
	errno = 0;
	prctl(SLICE_EXTENSION, 1, 0, 0, 0);
	printf("prctl-slice-extension\t%d\n", errno);
	return 0;
}
