// Libraries with initial-exec TLS have used up the static TLS surplus.
//
//! asks: static-tls-used-up-is-an-error: the next library that needs static TLS is refused with a message
//! asks: static-tls-used-up-registers: threads that start then are registered
//! asks: static-tls-used-up-same-area: the area is at the same address as before
//! asks: static-tls-used-up-definer: a definer of __rseq_abi is refused, or is loaded as other libraries are
#define _GNU_SOURCE
#include <pthread.h>

#include "conformance.h"
#include "copies.h"

enum { MOST = 400 };

static int many;

// Opens copies until one is refused; returns whether the error says why.
static int use_up(const char *name)
{
	for (int i = 0; i < MOST; i++) {
		if (copy_library(name, many))
			return SKIP;

		void *library = dlopen(copy_path(many++), RTLD_NOW);

		if (library == NULL) {
			const char *words = dlerror();

			return words && strstr(words, "static TLS") ? YES : NO;
		}
	}
	return SKIP;
}

static void *asks(void *answer)
{
	*(int *)answer = is_registered();
	return NULL;
}

int main(void)
{
	struct area *before = usable_area();
	int refused, answer = 0;
	pthread_t thread;

	begin();
	if (copies_begin())
		broken("no folder for copies");
	refused = use_up("static512");
	if (refused == YES)
		refused = use_up("static16");
	tell("static-tls-used-up-is-an-error", refused, "after %d libraries", many);
	if (pthread_create(&thread, NULL, asks, &answer))
		broken("pthread_create");
	pthread_join(thread, NULL);
	tell("static-tls-used-up-registers", answer, "a new thread");
	tell("static-tls-used-up-same-area", before && known_area() == before && is_number(before),
	     "%p", (void *)before);

	void *definer = dlopen(library_path("definer"), RTLD_NOW);
	const char *words = definer ? "opened" : dlerror();

	tell("static-tls-used-up-definer", words != NULL, "%s",
	     definer ? "opened" : words ? "refused" : "no message");
	copies_end(many);
	return 0;
}
