// A thousand libraries are opened and closed.
//
//! asks: thousand-libraries-open: a thousand libraries are opened
//! asks: thousand-libraries-register: threads that start then are registered
//! asks: thousand-libraries-definer-stays: a definer among them stays loaded when it is closed, or was refused
//! asks: thousand-libraries-definer-is-global: its names are global, or it was refused
//! asks: thousand-libraries-close: all others are unloaded
#define _GNU_SOURCE
#include <pthread.h>

#include "conformance.h"
#include "copies.h"

enum { MANY = 1000 };

static void *libraries[MANY];

static void *asks(void *answer)
{
	*(int *)answer = is_registered();
	return NULL;
}

int main(void)
{
	int opened = 0, left = 0, answer = 0;
	pthread_t thread;

	begin();
	usable_area();
	if (copies_begin())
		broken("no folder for copies");
	for (int i = 0; i < MANY; i++) {
		if (copy_library("plain", i)) {
			copies_end(i + 1);
			broken("copy");
		}
		libraries[i] = dlopen(copy_path(i), RTLD_NOW);
		opened += libraries[i] != NULL;
	}
	tell("thousand-libraries-open", opened == MANY, "%d of %d", opened, MANY);
	if (pthread_create(&thread, NULL, asks, &answer))
		broken("pthread_create");
	pthread_join(thread, NULL);
	tell("thousand-libraries-register", answer, "a new thread");

	void *definer = dlopen(library_path("definer"), RTLD_NOW);

	if (definer)
		dlclose(definer);
	tell("thousand-libraries-definer-stays",
	     !definer || dlopen(library_path("definer"), RTLD_NOW | RTLD_NOLOAD), "%s",
	     definer ? "opened" : "refused");
	tell("thousand-libraries-definer-is-global",
	     !definer || dlsym(RTLD_DEFAULT, "definer_area") != NULL, "%s",
	     definer ? "opened" : "refused");
	for (int i = 0; i < MANY; i++)
		if (libraries[i])
			dlclose(libraries[i]);
	for (int i = 0; i < MANY; i++)
		left += dlopen(copy_path(i), RTLD_NOW | RTLD_NOLOAD) != NULL;
	tell("thousand-libraries-close", left == 0, "%d left", left);
	copies_end(MANY);
	return 0;
}
