/* What the interposed names cost: one line per name, best of ROUNDS rounds, in
 * nanoseconds. Plain C that knows nothing of the shim.
 *
 *     cost FOLDER         FOLDER/libsmall.so, FOLDER/libthread.so (with a
 *                         thread-local variable) are opened; by its bare name
 *                         libsmall.so is found where the program's RUNPATH says
 *     cost FOLDER NAME    does it once, between two breakpoints, for a tracer
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* Short ones: the best is that in which nobody else had the processor. */
enum { ROUNDS = 200 };

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

// so many that the loop around them does not count
enum { IN_A_ROW = 16 };

static void cpus(void)
{
	static volatile int cpu;

#define FOUR (cpu = sched_getcpu(), cpu = sched_getcpu(), cpu = sched_getcpu(), cpu = sched_getcpu())
	FOUR, FOUR, FOUR, FOUR;
}

static void one_syscall(void)
{
	static volatile long parent;
	parent = syscall(SYS_getppid);
}

static void one_cpu_from_the_kernel(void)
{
	static volatile unsigned cpu;

	syscall(SYS_getcpu, &cpu, NULL, NULL);
}

static void open_and_close(const char *library)
{
	void *handle = dlopen(library, RTLD_NOW);

	if (handle)
		dlclose(handle);
}

static char by_path[4096], with_thread_local[4096];

static void one_by_path(void)
{
	open_and_close(by_path);
}

static void one_with_thread_local(void)
{
	open_and_close(with_thread_local);
}

static void one_by_name(void)
{
	open_and_close("libsmall.so");
}

static const struct row {
	const char *name;
	void (*once)(void);
	int calls, in_a_row;
} rows[] = {
	{ "pthread_create+join", one_thread, 30, 1 },
	{ "sched_getcpu", cpus, 2000, IN_A_ROW },
	{ "syscall(SYS_getcpu)", one_cpu_from_the_kernel, 5000, 1 },
	{ "syscall(SYS_getppid)", one_syscall, 5000, 1 },
	{ "dlopen+dlclose:path", one_by_path, 15, 1 },
	{ "dlopen+dlclose:thread-local", one_with_thread_local, 15, 1 },
	{ "dlopen+dlclose:bare-name", one_by_name, 15, 1 },
};
enum { ROWS = sizeof rows / sizeof *rows };

static void measure(const struct row *row)
{
	double best = 1e30;

	for (int round = 0; round < ROUNDS; round++) {
		double start = now();

		for (int call = 0; call < row->calls; call++)
			row->once();

		double each = (now() - start) / row->calls / row->in_a_row;

		if (each < best)
			best = each;
	}
	printf("%s %.2f\n", row->name, best);
}

#ifdef __aarch64__
#define MARK() __asm__ volatile("brk #0" ::: "memory")
#else
#define MARK() __asm__ volatile("int3" ::: "memory")
#endif

static void mark(const struct row *row)
{
	// what is done once only is done by now
	for (int i = 0; i < 4; i++)
		row->once();
	MARK();
	row->once();
	MARK();
}

int main(int argc, char **argv)
{
	if (argc < 2)
		return 2;
	snprintf(by_path, sizeof by_path, "%s/libsmall.so", argv[1]);
	snprintf(with_thread_local, sizeof with_thread_local, "%s/libthread.so", argv[1]);
	for (int i = 0; i < ROWS; i++) {
		if (argc == 2)
			measure(&rows[i]);
		else if (!strcmp(rows[i].name, argv[2]))
			mark(&rows[i]);
	}
	return 0;
}
