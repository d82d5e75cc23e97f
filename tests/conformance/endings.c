// A thread is registered until the last line of the user's code in it has run,
// however it ends.
//
//! asks: registered-in-cleanup-of-cancelled-thread: a thread is registered in cleanup handlers that pthread_cancel runs
//! asks: registered-in-cleanup-of-pthread_exit: a thread is registered in cleanup handlers that pthread_exit runs
//! asks: registered-in-tsd-destructors: a thread is registered in destructors of thread-specific data, in both rounds
//! asks: registered-in-thread_local-destructors: a thread is registered in destructors of C++ thread_local variables
//! asks: registered-in-atexit-of-exiting-thread: a thread that calls exit is registered in atexit handlers
//! asks: registered-after-pthread_exit-of-main: the last thread is registered after the main thread has ended
//! asks: registered-in-atexit: the main thread is registered in atexit handlers after main has returned
//! asks: registered-in-destructor: the main thread is registered in the program's destructors
#define _GNU_SOURCE
#include <pthread.h>
#include <stdatomic.h>

#include "conformance.h"

enum { TIMES = 8 };

static atomic_int ran, right, asleep;
static pthread_key_t key;

static void look(void *unused)
{
	int registered = is_registered();

	(void)unused;
	right += registered;
	ran++;
}

static void all(const char *question, void *(*routine)(void *), int each, int cancel)
{
	pthread_t threads[TIMES];

	ran = right = asleep = 0;
	for (int i = 0; i < TIMES; i++)
		if (pthread_create(&threads[i], NULL, routine, NULL))
			broken("pthread_create");
	while (cancel && asleep < TIMES)
		sleep_ms(1);
	for (int i = 0; i < TIMES; i++) {
		if (cancel)
			pthread_cancel(threads[i]);
		pthread_join(threads[i], NULL);
	}
	tell(question, ran == each * TIMES && right == ran, "%d of %d, %d expected", right, ran,
	     each * TIMES);
}

static void *sleeps(void *unused)
{
	usable_area();
	pthread_cleanup_push(look, NULL);
	asleep++;
	for (;;)
		pause();
	pthread_cleanup_pop(0);
	return unused;
}

__attribute__((noinline)) static void leave(void)
{
	pthread_exit(NULL);
}

static void *leaves(void *unused)
{
	usable_area();
	pthread_cleanup_push(look, NULL);
	leave();
	pthread_cleanup_pop(0);
	return unused;
}

static void destroy(void *round)
{
	look(NULL);
	if (round == (void *)1)
		pthread_setspecific(key, (void *)2);
}

static void *has_data(void *unused)
{
	usable_area();
	pthread_setspecific(key, (void *)1);
	return unused;
}

// A C++ compiler calls this for a thread_local variable with a destructor.
extern int __cxa_thread_atexit_impl(void (*)(void *), void *, void *);
extern void *__dso_handle;

static void *has_variable(void *unused)
{
	usable_area();
	__cxa_thread_atexit_impl(look, NULL, &__dso_handle);
	return unused;
}

static void leaves_with_answer(void)
{
	_exit(is_registered() ? YES : NO);
}

static void *exits(void *unused)
{
	usable_area();
	exit(0);
	return unused;
}

static int exit_in_thread(void)
{
	pthread_t thread;

	atexit(leaves_with_answer);
	if (pthread_create(&thread, NULL, exits, NULL))
		return NO;
	for (;;)
		pause();
}

static pthread_t main_thread;

static void *last(void *unused)
{
	pthread_join(main_thread, NULL);
	usable_area();
	_exit(is_registered() ? YES : NO);
	return unused;
}

static int main_exits(void)
{
	pthread_t thread;

	main_thread = pthread_self();
	if (pthread_create(&thread, NULL, last, NULL))
		return NO;
	pthread_exit(NULL);
}

static pid_t myself;

static void at_exit(void)
{
	if (getpid() == myself)
		tell("registered-in-atexit", is_registered(), "when main has returned");
}

__attribute__((destructor)) static void destruct(void)
{
	if (getpid() == myself)
		tell("registered-in-destructor", is_registered(), "of the program");
}

int main(void)
{
	begin();
	all("registered-in-cleanup-of-cancelled-thread", sleeps, 1, 1);
	all("registered-in-cleanup-of-pthread_exit", leaves, 1, 0);
	pthread_key_create(&key, destroy);
	all("registered-in-tsd-destructors", has_data, 2, 0);
	all("registered-in-thread_local-destructors", has_variable, 1, 0);
	ask_in_child("registered-in-atexit-of-exiting-thread", exit_in_thread);
	ask_in_child("registered-after-pthread_exit-of-main", main_exits);
	myself = getpid();
	atexit(at_exit);
	return 0;
}
