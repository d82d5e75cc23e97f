/* Counts by a library of Rust, which brings an __rseq_abi or needs one that does: in the main thread, in another,
 * in a process forked off, and in a task made by clone(2), which the libc knows nothing
 * of. With an argument the library is loaded at run time, and unloaded in between. */
#define _GNU_SOURCE
#include <rseq_abi.h>

#include <dlfcn.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef DEFINE
RSEQ_ABI_DEFINE;
#endif
#ifdef OWNED
#include <rseq_shim.h>
#endif

static int (*count)(void);
static unsigned long (*sum)(void);
static unsigned long (*area)(void);
static volatile int by_clone = -99;

static void *in_thread(void *result)
{
	*(int *)result = count();
	return result;
}

static int raw(void *unused)
{
	(void)unused;
	by_clone = count();
	return 0;
}

static int find_in(void *handle)
{
	if (!handle) {
		puts(dlerror());
		return 0;
	}
	*(void **)&count = dlsym(handle, "adopts_count");
	*(void **)&sum = dlsym(handle, "adopts_sum");
	*(void **)&area = dlsym(handle, "adopts_area");
	return count && sum && area;
}

static int find(const char *library)
{
	void *handle = dlopen(library, RTLD_NOW);

	if (!find_in(handle))
		return 0;
	if (library) {
		count();
		dlclose(handle);
		handle = dlopen(library, RTLD_NOW | RTLD_NOLOAD);
		puts(handle ? "stays" : "gone");
		return find_in(handle ? handle : dlopen(library, RTLD_NOW));
	}
	return 1;
}

int main(int arguments, char **argument)
{
	enum { STACK = 1 << 20 };
	pthread_t thread;
	int other = -99;
	pid_t child;
	char *stack;

	if (!find(arguments > 1 ? argument[1] : NULL))
		return 2;
	printf("main %d\n", count());
	if (pthread_create(&thread, NULL, in_thread, &other) || pthread_join(thread, NULL))
		return 3;
	printf("thread %d\n", other);
	stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (stack == MAP_FAILED ||
	    clone(raw, stack + STACK, CLONE_VM | CLONE_VFORK | SIGCHLD, NULL) < 0)
		return 4;
	wait(NULL);
	printf("raw clone %s\n", by_clone == -99 ? "died" : "lives");
	printf("sum %lu\n", sum());
	fflush(stdout);
	child = fork();
	if (child == 0) {
		printf("child %d\n", count());
		printf("its sum %lu\n", sum());
		fflush(stdout);
		_exit(0);
	}
	waitpid(child, &other, 0);
	printf("it ended with %d\n", other);
#if defined(DEFINE) || defined(OWNED)
	printf("one area %d\n", area() == (unsigned long)rseq_abi_symbol());
#endif
#ifdef OWNED
	printf("owner %d\n", rseq_shim_owner());
#endif
	return 0;
}
