// A library that stands behind the preloaded ones and starts threads in its
// constructor: by RTLD_NEXT, or, built with -DFIRST and -z initfirst, before the
// constructor of any other.
#include <dlfcn.h>
#include <pthread.h>

#include "registered.h"

enum { MANY = 20 };

int registered_threads;

static void *ask(void *registered)
{
	*(int *)registered = thread_is_registered();
	return NULL;
}

typedef int create(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);

__attribute__((constructor)) static void begin(void)
{
#ifdef FIRST
	create *start = pthread_create;
#else
	create *start = (create *)dlsym(RTLD_NEXT, "pthread_create");
#endif

	for (int i = 0; i < MANY; i++) {
		int registered = 0;
		pthread_t thread;

		if (start(&thread, NULL, ask, &registered))
			return;
		pthread_join(thread, NULL);
		registered_threads += registered;
	}
}
