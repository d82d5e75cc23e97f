/* A program that is linked with librseq_owner.a, or has somebody else's registration:
 * says in which places its area is registered. */
#define _GNU_SOURCE
#include <rseq_abi.h>
#include <rseq_shim.h>

#include <aio.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

RSEQ_ABI_DECLARE;

static int before_main = -9;
static volatile int by_timer = -9, by_aio = -9, by_clone = -9;

/* The area says where the thread runs, and the kernel does so, too; else what it says. */
static int state(void)
{
	struct rseq_abi_area *area = rseq_abi_symbol();
	int cpu = (int)*(volatile rseq_abi_u32 *)&area->cpu_id;

	if (cpu < 0)
		return cpu;
	return area == rseq_abi_registered() && area == &__rseq_abi ? 1 : 0;
}

__attribute__((constructor)) static void constructor(void)
{
	before_main = state();
}

static void *in_thread(void *state_of)
{
	*(int *)state_of = state();
	return state_of;
}

static int in_c11_thread(void *state_of)
{
	*(int *)state_of = state();
	return -7;
}

static void *exits(void *state_of)
{
	*(int *)state_of = state();
	pthread_exit(state_of);
}

static void on_timer(union sigval value)
{
	(void)value;
	by_timer = state();
}

static void on_aio(union sigval value)
{
	(void)value;
	by_aio = state();
}

/* Shares the storage of the thread that has made it, and ends. */
static int raw(void *unused)
{
	(void)unused;
	by_clone = 1;
	return 0;
}

static void wait_for(volatile int *value)
{
	int turns;

	for (turns = 0; turns < 1000 && *value == -9; turns++)
		usleep(5000);
}

int main(void)
{
	enum { MANY = 200, STACK = 65536 };
	int one = -9, other = -9, last = -9, result = 0, right = 0, i;
	struct itimerspec soon = { { 0, 0 }, { 0, 1000000 } };
	struct sigevent event;
	struct aiocb block;
	pthread_t thread;
	char buffer[8];
	timer_t timer;
	thrd_t c11;
	char *stack;

	printf("before main %d\nmain %d\n", before_main, state());
	printf("owner %d\n", rseq_shim_owner());
	if (pthread_create(&thread, NULL, in_thread, &one) || pthread_join(thread, NULL))
		return 2;
	if (thrd_create(&c11, in_c11_thread, &other) != thrd_success ||
	    thrd_join(c11, &result) != thrd_success)
		return 3;
	if (pthread_create(&thread, NULL, exits, &last) || pthread_join(thread, NULL))
		return 4;
	printf("thread %d\nC11 thread %d returns %d\nexits %d\n", one, other, result, last);
	for (i = 0; i < MANY; i++) {
		int here = -9;

		if (pthread_create(&thread, NULL, in_thread, &here) ||
		    pthread_join(thread, NULL))
			return 5;
		right += here == one;
	}
	printf("many %d\n", right);

	memset(&event, 0, sizeof event);
	event.sigev_notify = SIGEV_THREAD;
	event.sigev_notify_function = on_timer;
	if (timer_create(CLOCK_MONOTONIC, &event, &timer) ||
	    timer_settime(timer, 0, &soon, NULL))
		return 6;
	wait_for(&by_timer);
	memset(&block, 0, sizeof block);
	block.aio_fildes = open("/proc/self/exe", O_RDONLY);
	block.aio_buf = buffer;
	block.aio_nbytes = sizeof buffer;
	block.aio_sigevent = event;
	block.aio_sigevent.sigev_notify_function = on_aio;
	if (aio_read(&block))
		return 7;
	wait_for(&by_aio);
	printf("timer %d\naio %d\n", by_timer, by_aio);

	stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (stack == MAP_FAILED ||
	    clone(raw, stack + STACK, CLONE_VM | CLONE_VFORK | SIGCHLD, NULL) < 0)
		return 8;
	wait(NULL);
	printf("raw clone %d, main %d\n", by_clone, state());

	fflush(stdout);
	if (fork() == 0) {
		printf("child %d\n", state());
		fflush(stdout);
		_exit(0);
	}
	wait(NULL);
	one = rseq_shim_register_current_thread();
	other = rseq_shim_unregister_current_thread();
	last = rseq_shim_unregister_current_thread();
	printf("enter %d, leave %d, again %d\n", one, other, last);
	printf("at the end %d\n", state());
	return 0;
}
