// What every program here shares. It prints one line for each question,
//
//     question-name<TAB>yes|no|skip<TAB>detail
//
// and exits with status 0 when all were asked, whatever the answers. Any other
// status means that the program itself is broken.
//
// A program does not know who owns the registration: it asks what any user of
// rseq may ask.
#ifndef CONFORMANCE_H
#define CONFORMANCE_H

#include <dlfcn.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../fixtures/ask.h"

enum answer { NO, YES, SKIP };

__attribute__((format(printf, 3, 4))) static inline void
tell(const char *question, enum answer answer, const char *format, ...)
{
	static const char *const words[] = { "no", "yes", "skip" };
	va_list rest;

	printf("%s\t%s\t", question, words[answer]);
	va_start(rest, format);
	vprintf(format, rest);
	va_end(rest);
	putchar('\n');
	fflush(stdout);
}

// Ends the program: it cannot ask its questions.
static inline void broken(const char *what)
{
	fprintf(stderr, "broken: %s: %s\n", what, strerror(errno));
	exit(2);
}

// Returns the number of rounds: CONFORMANCE_ROUNDS percent of the usual number,
// for slow machines.
static inline int rounds(int usual)
{
	const char *text = getenv("CONFORMANCE_ROUNDS");
	long percent = text ? atol(text) : 100;
	long many = usual * (percent > 0 ? percent : 100) / 100;

	return many > 0 ? (int)many : 1;
}

// Limits how long the program runs where nobody waits for it any more: those who start it
// have limits of their own, which are longer on a busy machine.
static inline void begin(void)
{
	alarm(1800);
}

static inline void sleep_ms(long many)
{
	struct timespec time = { many / 1000, many % 1000 * 1000000 };

	while (nanosleep(&time, &time) && errno == EINTR)
		;
}

// Where the area is

static inline char *thread_pointer(void)
{
	char *pointer;

#if defined(__x86_64__)
	__asm__("mov %%fs:0, %0" : "=r"(pointer));
#elif defined(__s390x__)
	pointer = __builtin_thread_pointer();
#else
	__asm__("mrs %0, tpidr_el0" : "=r"(pointer));
#endif
	return pointer;
}

// Returns the area as a client finds it: by glibc's names, else by the symbol of
// 2017. NULL where neither leads to one.
static inline struct area *known_area(void)
{
	ptrdiff_t *offset = dlsym(RTLD_DEFAULT, "__rseq_offset");
	unsigned *size = dlsym(RTLD_DEFAULT, "__rseq_size");

	if (offset && size && *size)
		return (struct area *)(thread_pointer() + *offset);
	return dlsym(RTLD_DEFAULT, "__rseq_abi");
}

static inline uint32_t cpu_id_of(struct area *area)
{
	return *(volatile uint32_t *)&area->cpu_id;
}

static inline int is_number(struct area *area)
{
	return area && (int32_t)cpu_id_of(area) >= 0;
}

// An area that is registered only while a question is asked, if at all.
static __thread struct area nobodys_area;

// Returns whether the calling thread is registered: the kernel says so, and so
// does the area, if it can be found. The kernel is asked first, before any code of
// the thread's libraries runs.
static inline int is_registered(void)
{
	if (holder_of(&nobodys_area) != FOREIGN)
		return 0;

	struct area *area = known_area();

	return area == NULL || is_number(area);
}

// Registers the area, if it is not registered yet, with the libc's syscall(), as
// a client does before it uses it. NULL where that fails.
static inline struct area *usable_area(void)
{
	struct area *area = known_area();

	if (area == NULL || is_number(area))
		return area;
	if (syscall(ASK_SYSCALL, area, 32, 0, ASK_SIGNATURE) == 0 || errno == EBUSY)
		return is_number(area) ? area : NULL;
	return NULL;
}

// Asks a question that may kill in a child; prints the child's answer, or NO and
// how it ended.
static inline void ask_in_child(const char *question, int (*ask_it)(void))
{
	int status;
	pid_t child = fork();

	if (child < 0)
		broken("fork");
	if (child == 0) {
		alarm(900);
		_exit(ask_it());
	}
	if (waitpid(child, &status, 0) != child)
		broken("waitpid");
	if (WIFSIGNALED(status))
		tell(question, NO, "killed by signal %d", WTERMSIG(status));
	else if (WEXITSTATUS(status) == SKIP)
		tell(question, SKIP, "cannot be tried here");
	else
		tell(question, WEXITSTATUS(status) == YES ? YES : NO, "child answered %d",
		     WEXITSTATUS(status));
}

#endif
