// Calls every function that a preload may stand in front of, main first and then a
// thread: for a debugger that stops in each.
//
//     hooks FOLDER
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <time.h>

#include "plugins.h"

static const char *folder;

static void notify(union sigval value)
{
	(void)value;
}

__attribute__((noinline)) static void call_everything(int number)
{
	struct sigevent event = { .sigev_notify = SIGEV_THREAD, .sigev_notify_function = notify };
	timer_t timer;
	void *handle = opened(folder, number);

	if (dlsym(handle, "plugin") == NULL || sched_getcpu() < 0)
		puts("nothing found");
	dlclose(handle);
	if (timer_create(CLOCK_MONOTONIC, &event, &timer) == 0)
		timer_delete(timer);
}

__attribute__((noinline)) void *thread_start(void *unused)
{
	call_everything(2);
	return unused;
}

__attribute__((noinline)) void ready(void)
{
	__asm__ volatile("");
}

// What happens while the process ends is looked at no more.
__attribute__((noinline)) void finished(void)
{
	__asm__ volatile("");
}

int main(int count, char **arguments)
{
	pthread_t thread;

	(void)count;
	folder = arguments[1];
	ready();
	call_everything(1);
	pthread_create(&thread, NULL, thread_start, NULL);
	pthread_join(thread, NULL);
	finished();
	return 0;
}
