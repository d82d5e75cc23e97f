// Threads that share nothing without a lock and load and unload: a checker of races, of memory or of locks has nothing to report.
//
//     threads FOLDER ROUNDS THREADS
#include <pthread.h>
#include <sched.h>

#include "plugins.h"

static const char *folder;
static int rounds;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static long sum;

static void *leaf(void *number)
{
	pthread_mutex_lock(&lock);
	sum += (long)number;
	pthread_mutex_unlock(&lock);
	return NULL;
}

static void *work(void *number)
{
	for (int i = 0; i < rounds; i++) {
		void *handle = opened(folder, i * 3 + (int)(long)number);
		pthread_t thread;

		pthread_mutex_lock(&lock);
		sum += sched_getcpu() < 0;
		pthread_mutex_unlock(&lock);
		if (pthread_create(&thread, NULL, leaf, number)) {
			puts("no thread");
			exit(3);
		}
		pthread_join(thread, NULL);
		dlclose(handle);
	}
	return NULL;
}

int main(int count, char **arguments)
{
	pthread_t threads[16];
	int many = count > 3 ? atoi(arguments[3]) : 3;

	folder = arguments[1];
	rounds = atoi(arguments[2]);
	for (long i = 0; i < many; i++)
		if (pthread_create(&threads[i], NULL, work, (void *)i)) {
			puts("no thread");
			return 3;
		}
	for (int i = 0; i < many; i++)
		pthread_join(threads[i], NULL);
	printf("sum %ld\n", sum);
	return 0;
}
