// The area has one address, however it is found: by name, by offset, by the kernel.
//
//! asks: offset-by-reference: a weak reference to __rseq_offset leads to the area
//! asks: offset-by-dlsym-default: dlsym(RTLD_DEFAULT) of __rseq_offset leads to the area
//! asks: offset-by-dlsym-next: dlsym(RTLD_NEXT) of __rseq_offset leads to the area
//! asks: symbol-by-dlsym-default: dlsym(RTLD_DEFAULT) of __rseq_abi returns the area
//! asks: symbol-by-dlsym-next: dlsym(RTLD_NEXT) of __rseq_abi returns the area
//! asks: area-is-registered: the kernel answers EBUSY to another registration of the area
//! asks: area-is-the-tracers: the kernel tells a tracer the same address
//! asks: size-is-of-the-area: __rseq_size is at least 20, and at most the registered length
//! asks: area-of-each-thread: each thread has an area of its own
//! asks: area-is-aligned: the area is aligned to 32 bytes
//! asks: flags-are-none: __rseq_flags is 0
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <sys/auxv.h>
#include <sys/ptrace.h>

#include "conformance.h"

// Linux 5.13
enum { GET_RSEQ_CONFIGURATION = 0x420f };

struct configuration {
	uint64_t area;
	uint32_t size, signature, flags, pad;
};

// Weak references, as programs have that also run on older libcs.
extern const ptrdiff_t __rseq_offset __attribute__((weak));
extern const unsigned __rseq_size __attribute__((weak));
extern const unsigned __rseq_flags __attribute__((weak));

// The answers of one thread. Two threads answer, and the worse answer counts.
struct answers {
	int by_reference, by_default, by_next, symbol_default, symbol_next;
	int held, kernels, size;
	struct area *area;
};

static const char *const questions[] = {
	"offset-by-reference", "offset-by-dlsym-default", "offset-by-dlsym-next",
	"symbol-by-dlsym-default", "symbol-by-dlsym-next",
};

static struct area *by_name(void *where)
{
	ptrdiff_t *offset = dlsym(where, "__rseq_offset");
	unsigned *size = dlsym(where, "__rseq_size");

	return offset && size && *size ? (struct area *)(thread_pointer() + *offset) : NULL;
}

// Returns whether the area is registered, with any length that an owner may use.
static int is_held(struct area *area)
{
	if (area == NULL)
		return NO;
	for (uint32_t length = 32; length <= 256; length++) {
		int error = ask(area, length, 0);

		if (error == 0)
			ask(area, length, ASK_UNREGISTER);
		if (error != EINVAL)
			return error == EBUSY;
	}
	return NO;
}

// Asks the kernel for the registration of a child of fork, which has its parent's
// at the same address.
static int kernels_area(struct area **area, uint32_t *size)
{
	struct configuration held = { 0 };
	int status, answer = SKIP;
	pid_t child = fork();

	if (child < 0)
		return SKIP;
	if (child == 0) {
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL))
			_exit(1);
		raise(SIGSTOP);
		_exit(0);
	}
	if (waitpid(child, &status, 0) == child && WIFSTOPPED(status)) {
		if (syscall(SYS_ptrace, GET_RSEQ_CONFIGURATION, child, sizeof held, &held) > 0)
			answer = YES;
		kill(child, SIGKILL);
		waitpid(child, &status, 0);
	}
	*area = (struct area *)(uintptr_t)held.area;
	*size = held.size;
	return answer;
}

static void *look(void *data)
{
	struct answers *answers = data;
	struct area *known = known_area(), *kernels;
	uint32_t size;

	// as a client does first
	usable_area();
	answers->area = known;
	answers->by_reference = known && &__rseq_offset && &__rseq_size && __rseq_size &&
				(struct area *)(thread_pointer() + __rseq_offset) == known;
	answers->by_default = known && by_name(RTLD_DEFAULT) == known;
	answers->by_next = known && by_name(RTLD_NEXT) == known;
	answers->symbol_default = known && dlsym(RTLD_DEFAULT, "__rseq_abi") == known;
	answers->symbol_next = known && dlsym(RTLD_NEXT, "__rseq_abi") == known;
	answers->held = is_held(known);
	answers->kernels = kernels_area(&kernels, &size);
	if (answers->kernels == YES)
		answers->kernels = known && kernels == known && size >= 32;
	// __rseq_size is no more than what is registered, and large enough to be of use
	answers->size = answers->kernels == SKIP ? SKIP
		      : &__rseq_size && __rseq_size >= 20 && known && kernels == known &&
				__rseq_size <= size;
	return NULL;
}

static void both(const char *question, int one, int other, const char *what)
{
	tell(question, one == SKIP || other == SKIP ? SKIP : one && other ? YES : NO,
	     "%s: main thread %d, another %d", what, one, other);
}

int main(void)
{
	struct answers here = { 0 }, there = { 0 };
	const int *one = &here.by_reference, *other = &there.by_reference;
	pthread_t thread;

	begin();
	look(&here);
	if (pthread_create(&thread, NULL, look, &there))
		broken("pthread_create");
	pthread_join(thread, NULL);
	for (unsigned i = 0; i < sizeof questions / sizeof *questions; i++)
		both(questions[i], one[i], other[i], "the area that is known");
	both("area-is-registered", here.held, there.held, "EBUSY for it");
	both("area-is-the-tracers", here.kernels, there.kernels, "PTRACE_GET_RSEQ_CONFIGURATION");
	both("size-is-of-the-area", here.size, there.size, "__rseq_size");
	tell("area-of-each-thread", here.area && there.area && here.area != there.area, "%p and %p",
	     (void *)here.area, (void *)there.area);
	tell("area-is-aligned", here.area && (uintptr_t)here.area % 32 == 0 &&
				(uintptr_t)there.area % 32 == 0, "to 32 bytes");
	tell("flags-are-none", &__rseq_flags && __rseq_flags == 0, "__rseq_flags");
	return 0;
}
