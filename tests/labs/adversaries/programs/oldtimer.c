// timer_create@GLIBC_2.2.5 writes an int: an old binary has room for no more.
#include <signal.h>
#include <stdio.h>
#include <time.h>

int old_timer_create(clockid_t, struct sigevent *, int *);
__asm__(".symver old_timer_create, timer_create@GLIBC_2.2.5");

static void notify(union sigval value)
{
	(void)value;
}

int main(void)
{
	struct sigevent event = { .sigev_notify = SIGEV_THREAD, .sigev_notify_function = notify };
	int timers[3] = { -1, -1, -1 };

	if (old_timer_create(CLOCK_MONOTONIC, &event, &timers[1]))
		return 3;
	printf("%d %s %d\n", timers[0], timers[1] >= 0 && timers[1] < 1024 ? "small" : "large",
	       timers[2]);
	return 0;
}
