// A kernel without sys_rseq, a sandbox that denies it from the start, and one
// that does so later: no program ends because of it, and cpu_id is no CPU number.
//
//! asks: absent-at-start-goes-on: where the kernel answers ENOSYS, a program starts, and so do its threads
//! asks: absent-at-start-says-so: where the kernel answers ENOSYS, cpu_id is no CPU number in any thread
//! asks: absent-at-start-size-is-0: where the kernel answers ENOSYS, __rseq_size is 0
//! asks: absent-at-start-sched_getcpu: where the kernel answers ENOSYS, sched_getcpu is still right
//! asks: denied-at-start-goes-on: where a filter answers EPERM, a program starts, and so do its threads
//! asks: denied-at-start-says-so: where a filter answers EPERM, cpu_id is no CPU number in any thread
//! asks: denied-at-start-size-is-0: where a filter answers EPERM, __rseq_size is 0
//! asks: denied-at-start-sched_getcpu: where a filter answers EPERM, sched_getcpu is still right
//! asks: denied-later-goes-on: threads start after a filter was installed
//! asks: denied-later-says-so: in threads that start after that, cpu_id is no CPU number
//! asks: denied-later-keeps-registrations: threads that were registered before the filter stay registered
//! asks: denied-later-helpers-go-on: threads of timer_create start after the filter was installed
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>

#include "../fixtures/forbid.h"
#include "again.h"
#include "conformance.h"

enum { TIMES = 8, GOES_ON = 1, SAYS_SO = 2, SIZE = 4, GETCPU = 8 };

static atomic_int begun, claimed;

static void *looks(void *unused)
{
	claimed += is_number(known_area());
	begun++;
	return unused;
}

static int start(void)
{
	pthread_t threads[TIMES];

	for (int i = 0; i < TIMES; i++)
		if (pthread_create(&threads[i], NULL, looks, NULL))
			return 0;
	for (int i = 0; i < TIMES; i++)
		pthread_join(threads[i], NULL);
	return begun == TIMES;
}

// Runs in the program that was started under the filter.
static int told(void)
{
	unsigned *size = dlsym(RTLD_DEFAULT, "__rseq_size");
	int answer = 0, cpu = sched_getcpu();
	cpu_set_t one;

	looks(NULL);
	begun = 0;
	if (start())
		answer |= GOES_ON;
	if (!claimed)
		answer |= SAYS_SO;
	if (size == NULL || *size == 0)
		answer |= SIZE;
	CPU_ZERO(&one);
	if (cpu >= 0)
		CPU_SET(cpu, &one);
	if (cpu >= 0 && sched_setaffinity(0, sizeof one, &one) == 0 && sched_getcpu() == cpu)
		answer |= GETCPU;
	return answer;
}

static void from_the_start(const char *how, int error)
{
	static const struct {
		const char *name;
		int bit;
	} questions[] = { { "goes-on", GOES_ON },
			  { "says-so", SAYS_SO },
			  { "size-is-0", SIZE },
			  { "sched_getcpu", GETCPU } };
	char **again = again_words("told"), name[64];
	int status;
	pid_t child = fork();

	if (child == 0) {
		if (forbid(error))
			_exit(64);
		execv(again[0], again);
		_exit(64);
	}
	if (waitpid(child, &status, 0) != child)
		broken("waitpid");
	for (unsigned i = 0; i < sizeof questions / sizeof *questions; i++) {
		snprintf(name, sizeof name, "%s-at-start-%s", how, questions[i].name);
		if (WIFSIGNALED(status))
			tell(name, NO, "killed by signal %d", WTERMSIG(status));
		else if (WEXITSTATUS(status) == 64)
			tell(name, SKIP, "no filter to be had");
		else
			tell(name, (WEXITSTATUS(status) & questions[i].bit) != 0, "told %d",
			     WEXITSTATUS(status));
	}
}

static int later_goes_on(void)
{
	if (forbid(EPERM))
		return SKIP;
	return start() ? YES : NO;
}

static int later_says_so(void)
{
	if (forbid(EPERM))
		return SKIP;
	return start() && claimed == 0 ? YES : NO;
}

static atomic_int ready, go, kept;

static void *was_there(void *unused)
{
	cpu_set_t one;
	struct area *area = usable_area();

	ready++;
	while (!go)
		sleep_ms(1);
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		CPU_ZERO(&one);
		CPU_SET(cpu, &one);
		if (sched_setaffinity(0, sizeof one, &one) == 0 && is_number(area) &&
		    cpu_id_of(area) == (uint32_t)cpu) {
			kept++;
			break;
		}
	}
	return unused;
}

static int later_keeps(void)
{
	pthread_t threads[TIMES];

	for (int i = 0; i < TIMES; i++)
		if (pthread_create(&threads[i], NULL, was_there, NULL))
			return NO;
	while (ready < TIMES)
		sleep_ms(1);
	if (forbid(EPERM))
		return SKIP;
	go = 1;
	for (int i = 0; i < TIMES; i++)
		pthread_join(threads[i], NULL);
	return kept == TIMES ? YES : NO;
}

static void notified(union sigval value)
{
	(void)value;
	begun++;
}

static int later_helpers(void)
{
	struct sigevent event = { .sigev_notify = SIGEV_THREAD, .sigev_notify_function = notified };
	struct itimerspec soon = { .it_value.tv_nsec = 1000000 };
	timer_t timer;

	if (forbid(EPERM))
		return SKIP;
	if (timer_create(CLOCK_MONOTONIC, &event, &timer) || timer_settime(timer, 0, &soon, NULL))
		return NO;
	for (int i = 0; i < 30000 && !begun; i++)
		sleep_ms(1);
	return begun ? YES : NO;
}

int main(int arguments, char **argument)
{
	begin();
	if (arguments > 1)
		return told();
	again_name = argument[0];
	from_the_start("absent", ENOSYS);
	from_the_start("denied", EPERM);
	ask_in_child("denied-later-goes-on", later_goes_on);
	ask_in_child("denied-later-says-so", later_says_so);
	ask_in_child("denied-later-keeps-registrations", later_keeps);
	ask_in_child("denied-later-helpers-go-on", later_helpers);
	return 0;
}
