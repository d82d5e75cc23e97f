// A plug-in that starts threads by whatever pthread_create its scope finds.
//
//     RTLD_DEEPBIND: the libc's own, before any preload's
#include <pthread.h>

#include "registered.h"

static void *ask(void *registered)
{
	*(int *)registered = thread_is_registered();
	return NULL;
}

int start_threads(int many)
{
	int sum = 0;

	for (int i = 0; i < many; i++) {
		int registered = 0;
		pthread_t thread;

		if (pthread_create(&thread, NULL, ask, &registered))
			return -1;
		pthread_join(thread, NULL);
		sum += registered;
	}
	return sum;
}
