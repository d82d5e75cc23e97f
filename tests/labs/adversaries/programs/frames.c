// A signal handler with a frame of 300 to 400 KiB, again and again while the
// program loads and unloads: it must find the room that the stack has.
//
//     frames FOLDER ROUNDS main|thread
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>

#include "plugins.h"

static const char *folder;
static int rounds;
static volatile unsigned long handled;
static atomic_int done;
static pthread_t loader;

static void handler(int number)
{
	size_t size = (300 + handled % 100) * 1024;
	volatile char *frame = __builtin_alloca(size);

	(void)number;
	for (size_t i = 0; i < size; i += 512)
		frame[i] = (char)0xa5;
	handled++;
}

static void *load(void *unused)
{
	for (int i = 0; i < rounds; i++)
		dlclose(opened(folder, i));
	done = 1;
	return unused;
}

static void *disturb(void *unused)
{
	while (!done) {
		struct timespec pause = { 0, 20000 };

		pthread_kill(loader, SIGUSR1);
		nanosleep(&pause, NULL);
	}
	return unused;
}

int main(int count, char **arguments)
{
	struct sigaction action = { .sa_handler = handler, .sa_flags = SA_RESTART };
	pthread_t other;

	(void)count;
	folder = arguments[1];
	rounds = atoi(arguments[2]);
	sigaction(SIGUSR1, &action, NULL);
	if (!strcmp(arguments[3], "main")) {
		loader = pthread_self();
		pthread_create(&other, NULL, disturb, NULL);
		load(NULL);
		pthread_join(other, NULL);
	} else {
		pthread_attr_t attributes;

		pthread_attr_init(&attributes);
		pthread_attr_setstacksize(&attributes, 1024 * 1024);
		pthread_create(&loader, &attributes, load, NULL);
		disturb(NULL);
		pthread_join(loader, NULL);
	}
	if (handled < 10) {
		fprintf(stderr, "only %lu signals\n", handled);
		return 2;
	}
	puts("loaded every time");
	return 0;
}
