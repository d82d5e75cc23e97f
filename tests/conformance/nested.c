// A second registration, as libraries of the 2017 model make it: in a registered
// thread, with other arguments, and from signal handlers at any moment.
//
//! asks: register-again-is-busy: registering the area again answers EBUSY, by the system call itself
//! asks: register-again-by-libc-is-busy: registering the area again answers EBUSY, through syscall()
//! asks: other-area-is-refused: registering another area answers EINVAL
//! asks: other-length-is-refused: registering another length answers EINVAL
//! asks: other-signature-is-refused: registering another signature answers EPERM
//! asks: unregister-of-other-area-is-refused: unregistering another area answers EINVAL
//! asks: refusals-change-nothing: after all of these the thread is still registered
//! asks: nested-in-handlers: a signal handler that registers gets EBUSY, thousands of times
//! asks: nested-in-handlers-of-new-threads: the same in threads that are just starting; afterwards they are registered
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

#include "conformance.h"

static ptrdiff_t offset;
static uint32_t length;

// The offset is found once: a handler may not call dlsym.
static struct area *here(void)
{
	return (struct area *)(thread_pointer() + offset);
}

static int by_libc(void *area, uint32_t size, int flags, uint32_t signature)
{
	return syscall(ASK_SYSCALL, area, size, flags, signature) ? errno : 0;
}

// Returns the registered length: the only one that is not answered with EINVAL.
static uint32_t registered_length(struct area *area)
{
	for (uint32_t size = 32; size <= 256; size++)
		if (ask(area, size, 0) == EBUSY)
			return size;
	return 0;
}

static atomic_int handled, busy, other, unusable;

static void handler(int signal)
{
	int before = errno;
	struct area *area = here();
	int answer = by_libc(area, length, 0, ASK_SIGNATURE);

	(void)signal;
	handled++;
	if (answer == EBUSY)
		busy++;
	else if (answer)
		other++;
	if (!is_number(area))
		unusable++;
	errno = before;
}

static atomic_int stop, lost, ready;

static void *runs(void *unused)
{
	usable_area();
	ready = 1;
	while (!stop)
		if (holder_of(&nobodys_area) != FOREIGN)
			lost++;
	return unused;
}

static void in_a_thread(void)
{
	int many = rounds(4000);
	pthread_t thread;

	handled = busy = other = unusable = 0;
	if (pthread_create(&thread, NULL, runs, NULL))
		broken("pthread_create");
	// until then a handler may be the first to register
	while (!ready)
		sleep_ms(1);
	for (int i = 0; i < many; i++) {
		int before = handled;

		pthread_kill(thread, SIGUSR1);
		for (int k = 0; k < 1000000 && handled == before; k++)
			sched_yield();
	}
	stop = 1;
	pthread_join(thread, NULL);
	tell("nested-in-handlers", handled == busy && busy > 0 && !unusable && !lost,
	     "%d handled, %d busy, %d without a number, %d times not registered", handled, busy,
	     unusable, lost);
}

// A handler that runs before the owner may find the thread unregistered. It
// registers the area, and the owner must accept that as its own registration.
static atomic_int unregistered, begun;

static void *starts(void *unused)
{
	for (int i = 0; i < 20; i++)
		sched_yield();
	usable_area();
	if (holder_of(&nobodys_area) != FOREIGN || !is_number(here()) ||
	    ask(here(), length, 0) != EBUSY)
		unregistered++;
	begun++;
	return unused;
}

static void *interrupts(void *unused)
{
	while (!stop) {
		kill(getpid(), SIGUSR1);
		sched_yield();
	}
	return unused;
}

static void in_new_threads(void)
{
	int many = rounds(600);
	sigset_t set;
	pthread_t thread, storm;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	handled = busy = other = unusable = begun = stop = 0;
	// the signals are for the new threads: this thread and the sender block them
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	if (pthread_create(&storm, NULL, interrupts, NULL))
		broken("pthread_create");
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	for (int i = 0; i < many; i++) {
		if (pthread_create(&thread, NULL, starts, NULL))
			broken("pthread_create");
		pthread_join(thread, NULL);
	}
	stop = 1;
	pthread_join(storm, NULL);
	tell("nested-in-handlers-of-new-threads", !unregistered && !other && !unusable && begun == many,
	     "%d threads, %d not registered; %d handled, %d busy, %d refused, %d without a number",
	     begun, unregistered, handled, busy, other, unusable);
}

int main(void)
{
	static const char *const names[] = {
		"register-again-is-busy", "register-again-by-libc-is-busy", "other-area-is-refused",
		"other-length-is-refused", "other-signature-is-refused",
		"unregister-of-other-area-is-refused", "refusals-change-nothing",
		"nested-in-handlers", "nested-in-handlers-of-new-threads",
	};
	struct sigaction action = { .sa_handler = handler, .sa_flags = SA_RESTART };
	struct area *area;

	begin();
	area = usable_area();
	length = area ? registered_length(area) : 0;
	if (length == 0) {
		for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
			tell(names[i], NO, "no usable area");
		return 0;
	}
	offset = (char *)area - thread_pointer();

	int answer = ask(area, length, 0);

	tell(names[0], answer == EBUSY, "%s, length %u", strerror(answer), length);
	answer = by_libc(area, length, 0, ASK_SIGNATURE);
	tell(names[1], answer == EBUSY, "%s", strerror(answer));
	answer = ask(&nobodys_area, 32, 0);
	tell(names[2], answer == EINVAL, "%s", strerror(answer));
	answer = ask(area, length + 32, 0);
	tell(names[3], answer == EINVAL, "%s", strerror(answer));

	// through the libc's function, which takes any signature
	answer = by_libc(area, length, 0, ASK_SIGNATURE + 1);
	tell(names[4], answer == EPERM, "%s", strerror(answer));
	answer = ask(&nobodys_area, 32, ASK_UNREGISTER);
	tell(names[5], answer == EINVAL, "%s", strerror(answer));
	tell(names[6], is_registered() && ask(area, length, 0) == EBUSY, "cpu_id %d",
	     (int)cpu_id_of(area));

	sigaction(SIGUSR1, &action, NULL);
	in_a_thread();
	in_new_threads();
	return 0;
}
