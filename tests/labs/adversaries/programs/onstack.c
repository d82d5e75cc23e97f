// A handler on the alternate signal stack loads; a second signal that wants the
// same stack must find it in use, and leave the first one's frame alone.
//
//     onstack FOLDER ROUNDS
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

#include "plugins.h"

static const char *folder;
static int rounds;
static volatile unsigned long interrupts, spoiled;
static atomic_int loads, done;
static pthread_t loader;

static void second(int number)
{
	volatile char frame[16 * 1024];

	(void)number;
	for (size_t i = 0; i < sizeof frame; i++)
		frame[i] = (char)0xdd;
	interrupts++;
}

static void first(int number)
{
	volatile unsigned char frame[4096];

	(void)number;
	for (size_t i = 0; i < sizeof frame; i++)
		frame[i] = 0x11;
	loads = 1;
	for (int i = 0; i < rounds; i++)
		dlclose(opened(folder, i));
	loads = 0;
	for (size_t i = 0; i < sizeof frame; i++)
		spoiled += frame[i] != 0x11;
}

static void *disturb(void *unused)
{
	while (!done) {
		struct timespec pause = { 0, 20000 };

		if (loads)
			pthread_kill(loader, SIGUSR2);
		nanosleep(&pause, NULL);
	}
	return unused;
}

int main(int count, char **arguments)
{
	enum { SIZE = 512 * 1024 };
	stack_t stack = { .ss_sp = malloc(SIZE), .ss_size = SIZE };
	struct sigaction action = { .sa_handler = first, .sa_flags = SA_ONSTACK };
	pthread_t other;

	(void)count;
	folder = arguments[1];
	rounds = atoi(arguments[2]);
	loader = pthread_self();
	sigaltstack(&stack, NULL);
	sigaction(SIGUSR1, &action, NULL);
	action.sa_handler = second;
	action.sa_flags |= SA_RESTART;
	sigaction(SIGUSR2, &action, NULL);
	pthread_create(&other, NULL, disturb, NULL);
	raise(SIGUSR1);
	done = 1;
	pthread_join(other, NULL);
	if (spoiled) {
		fprintf(stderr, "%lu bytes of the first handler's frame were overwritten\n", spoiled);
		return 1;
	}
	if (interrupts < 10) {
		fprintf(stderr, "only %lu signals\n", interrupts);
		return 2;
	}
	puts("the frame is as it was");
	return 0;
}
