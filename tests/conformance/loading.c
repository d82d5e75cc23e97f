// The two loading rules: an object that defines __rseq_abi is never unloaded,
// and never local. Where that is not possible, it is refused with a reason.
//
//! asks: definer-stays: a definer that is opened and closed stays loaded, or was refused
//! asks: definer-is-global: a definer that is opened with RTLD_LOCAL is global, or was refused
//! asks: needed-definer-stays: a definer that another library needs stays loaded, or was refused
//! asks: needed-definer-is-global: a definer that another library needs is global, or was refused
//! asks: definers-share-one-area: a definer uses the same area as the rest of the process, or was refused
//! asks: second-definer-shares-it: so does a second definer, in either order
//! asks: definer-with-deepbind-shares-it: so does a definer that is opened with RTLD_DEEPBIND
//! asks: definer-that-binds-to-itself-shares-it: so does a definer that is linked with -Bsymbolic
//! asks: definer-in-a-namespace-shares-it: so does a definer that is opened with dlmopen
//! asks: definer-can-use-rseq: the area that a definer uses is registered, once it has asked
//! asks: threads-after-definer: threads that start after a definer was opened are registered
//! asks: others-are-unloaded: a library that does not define __rseq_abi is unloaded
#define _GNU_SOURCE
#include <limits.h>
#include <pthread.h>

#include "conformance.h"

static const char *path(const char *name)
{
	static char text[PATH_MAX];
	const char *home = getenv("CONFORMANCE_HOME");

	snprintf(text, sizeof text, "%s/%s.so", home ? home : ".", name);
	return text;
}

// Opens the library; NULL where it was refused with a reason. Where the library's
// file is missing, the question is skipped.
static void *opened(const char *name, int flags)
{
	void *library = dlopen(path(name), RTLD_NOW | flags);

	if (library == NULL) {
		const char *reason = dlerror();

		if (access(path(name), R_OK) || reason == NULL)
			_exit(SKIP);
	}
	return library;
}

static int is_loaded(const char *name)
{
	void *library = dlopen(path(name), RTLD_NOW | RTLD_NOLOAD);

	return library != NULL;
}

static struct area *area_of(void *library, const char *name)
{
	struct area *(*area)(void);

	*(void **)&area = dlsym(library, name);
	return area ? area() : NULL;
}

static int stays(const char *opens, const char *definer)
{
	void *library = opened(opens, RTLD_LOCAL);

	if (library == NULL)
		return YES;
	if (dlclose(library))
		return NO;
	return is_loaded(definer) ? YES : NO;
}

static int definer_stays(void)
{
	return stays("definer", "definer");
}

static int needed_definer_stays(void)
{
	return stays("needs", "definer");
}

static int definer_is_global(void)
{
	void *library = opened("definer", RTLD_LOCAL);

	return library == NULL || dlsym(RTLD_DEFAULT, "definer_area") ? YES : NO;
}

static int needed_definer_is_global(void)
{
	void *library = opened("needs", RTLD_LOCAL);

	return library == NULL || dlsym(RTLD_DEFAULT, "definer_area") ? YES : NO;
}

// Returns whether the library uses the area that the process used before.
static int shares(const char *name, const char *function, int flags)
{
	struct area *before = usable_area();
	void *library = opened(name, flags);

	if (library == NULL)
		return YES;
	return before && area_of(library, function) == before && known_area() == before ? YES : NO;
}

static int definers_share(void)
{
	return shares("definer", "definer_area", RTLD_LOCAL) == YES &&
	       shares("definer", "definer_area", RTLD_GLOBAL) == YES;
}

static int second_shares(void)
{
	static const char *const orders[][2] = { { "definer", "second" }, { "second", "definer" } };
	int right = 0;

	for (int i = 0; i < 2; i++) {
		int status;
		pid_t child = fork();

		if (child == 0) {
			char one[32], other[32];

			snprintf(one, sizeof one, "%s_area", orders[i][0]);
			snprintf(other, sizeof other, "%s_area", orders[i][1]);
			_exit(shares(orders[i][0], one, RTLD_LOCAL) == YES &&
			      shares(orders[i][1], other, RTLD_GLOBAL) == YES);
		}
		right += child > 0 && waitpid(child, &status, 0) == child && status == 1 << 8;
	}
	return right == 2 ? YES : NO;
}

static int deep_bind_shares(void)
{
	// AddressSanitizer ends a process that asks for RTLD_DEEPBIND
	if (dlsym(RTLD_DEFAULT, "__asan_init"))
		return SKIP;
	return shares("definer", "definer_area", RTLD_DEEPBIND);
}

static int symbolic_shares(void)
{
	return shares("symbolic", "symbolic_area", RTLD_LOCAL);
}

static int namespace_shares(void)
{
	struct area *before = usable_area();
	void *library = dlmopen(LM_ID_NEWLM, path("definer"), RTLD_NOW);

	if (library == NULL)
		return dlerror() ? YES : NO;
	return before && area_of(library, "definer_area") == before ? YES : NO;
}

static int can_use(void)
{
	void *library = opened("definer", RTLD_LOCAL);
	struct area *area = library ? area_of(library, "definer_area") : NULL;

	if (library == NULL)
		return YES;
	if (area && !is_number(area))
		syscall(ASK_SYSCALL, area, 32, 0, ASK_SIGNATURE);
	return area && is_number(area) ? YES : NO;
}

static void *asks(void *answer)
{
	*(int *)answer = is_registered();
	return NULL;
}

static int threads_after(void)
{
	int answer = 0;
	pthread_t thread;

	opened("definer", RTLD_LOCAL);
	if (pthread_create(&thread, NULL, asks, &answer))
		return NO;
	pthread_join(thread, NULL);
	return answer ? YES : NO;
}

static int others(void)
{
	void *library = opened("plain", RTLD_LOCAL);

	return library && dlclose(library) == 0 && !is_loaded("plain") ? YES : NO;
}

int main(void)
{
	begin();
	ask_in_child("definer-stays", definer_stays);
	ask_in_child("definer-is-global", definer_is_global);
	ask_in_child("needed-definer-stays", needed_definer_stays);
	ask_in_child("needed-definer-is-global", needed_definer_is_global);
	ask_in_child("definers-share-one-area", definers_share);
	ask_in_child("second-definer-shares-it", second_shares);
	ask_in_child("definer-with-deepbind-shares-it", deep_bind_shares);
	ask_in_child("definer-that-binds-to-itself-shares-it", symbolic_shares);
	ask_in_child("definer-in-a-namespace-shares-it", namespace_shares);
	ask_in_child("definer-can-use-rseq", can_use);
	ask_in_child("threads-after-definer", threads_after);
	ask_in_child("others-are-unloaded", others);
	return 0;
}
