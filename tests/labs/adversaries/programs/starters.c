// Threads started by ways that pass by a preload: is each registered before its
// own code runs?
//
//     starters deepbind PLUGIN | dlsym | next | initfirst
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "registered.h"

enum { MANY = 20 };

static void *ask(void *registered)
{
	*(int *)registered = thread_is_registered();
	return NULL;
}

typedef int create(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);

static int started_by(create *start)
{
	int sum = 0;

	for (int i = 0; start && i < MANY; i++) {
		int registered = 0;
		pthread_t thread;

		if (start(&thread, NULL, ask, &registered))
			return -1;
		pthread_join(thread, NULL);
		sum += registered;
	}
	return sum;
}

int main(int count, char **arguments)
{
	const char *way = count > 1 ? arguments[1] : "";
	int registered = -1;

	if (!strcmp(way, "deepbind")) {
		void *plugin = dlopen(arguments[2], RTLD_NOW | RTLD_DEEPBIND);
		int (*start)(int) = plugin ? dlsym(plugin, "start_threads") : NULL;

		registered = start ? start(MANY) : -1;
	} else if (!strcmp(way, "dlsym")) {
		void *libc = dlopen("libc.so.6", RTLD_NOW | RTLD_NOLOAD);

		registered = started_by((create *)dlsym(libc, "pthread_create"));
	} else {
		// that of a library that stands behind the preloaded ones
		int *answer = dlsym(RTLD_DEFAULT, "registered_threads");

		registered = answer ? *answer : -1;
	}
	printf("%d of %d registered\n", registered, MANY);
	return 0;
}
