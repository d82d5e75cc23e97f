// Every thread is registered before the first instruction of its user's code,
// however it was started.
//
//! asks: registered-before-constructors: the main thread is registered before any constructor of the program
//! asks: registered-in-constructor: the main thread is registered in a constructor of the program
//! asks: registered-in-main: the main thread is registered when main begins
//! asks: registered-by-pthread_create: a thread of pthread_create is registered before its start routine
//! asks: registered-by-pthread_create-detached: so are detached threads with small stacks
//! asks: registered-by-pthread_create-in-a-thread: so are threads that other threads start
//! asks: registered-by-thrd_create: a thread of thrd_create is registered before its start routine
//! asks: registered-by-timer_create: the thread of timer_create's SIGEV_THREAD is registered before its function
//! asks: registered-by-mq_notify: the thread of mq_notify's SIGEV_THREAD is registered before its function
//! asks: registered-by-getaddrinfo_a: the thread of getaddrinfo_a's SIGEV_THREAD is registered before its function
//! asks: registered-by-aio_read: the thread of aio_read's SIGEV_THREAD is registered before its function
//! asks: registered-by-lio_listio: the threads of lio_listio's SIGEV_THREAD are registered before their functions, of each request and of the list
#define _GNU_SOURCE
#include <aio.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <threads.h>

#include "../fixtures/notified.h"
#include "conformance.h"

enum { TIMES = 8 };

static int before_constructors = -1, in_constructor = -1;
static atomic_int begun, right;

// Constructors of the program itself run after those of its libraries; what is
// in .preinit_array runs before them all.
static void preinit(void)
{
	before_constructors = is_registered();
}

__attribute__((section(".preinit_array"), used)) static void (*const first)(void) = preinit;

__attribute__((constructor)) static void construct(void)
{
	in_constructor = is_registered();
}

static void look(void)
{
	int registered = is_registered();

	right += registered;
	begun++;
}

static void wait_for(int count)
{
	for (int i = 0; i < 30000 && begun < count; i++)
		sleep_ms(1);
}

// Starts TIMES threads by `way`, which waits for them and returns 0, or ENOSYS
// where the kernel does not support it.
static void route(const char *question, int (*way)(void), int many)
{
	begun = right = 0;

	int error = way();

	if (error == ENOSYS)
		tell(question, SKIP, "%s", strerror(error));
	else if (error)
		tell(question, NO, "%s", strerror(error));
	else
		tell(question, begun == many && right == many ? YES : NO,
		     "%d of %d threads registered, %d begun", right, many, begun);
}

static void *posix_thread(void *unused)
{
	look();
	return unused;
}

static int by_pthread(void)
{
	pthread_t threads[TIMES];
	int error = 0;

	for (int i = 0; i < TIMES && !error; i++)
		error = pthread_create(&threads[i], NULL, posix_thread, NULL);
	for (int i = 0; i < TIMES && !error; i++)
		pthread_join(threads[i], NULL);
	return error;
}

static int detached(void)
{
	pthread_attr_t attributes;
	pthread_t thread;
	int error = 0;

	pthread_attr_init(&attributes);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attributes, 256 * 1024);
	for (int i = 0; i < TIMES && !error; i++)
		error = pthread_create(&thread, &attributes, posix_thread, NULL);
	wait_for(TIMES);
	return error;
}

// Each thread starts the next one.
static void *nests(void *depth)
{
	pthread_t thread;

	look();
	if (depth && pthread_create(&thread, NULL, nests, (char *)depth - 1) == 0)
		pthread_join(thread, NULL);
	return NULL;
}

static int by_thread(void)
{
	pthread_t thread;
	int error = pthread_create(&thread, NULL, nests, (void *)(uintptr_t)(TIMES - 1));

	if (!error)
		pthread_join(thread, NULL);
	return error;
}

static int c_thread(void *unused)
{
	look();
	return unused != NULL;
}

static int by_thrd(void)
{
	thrd_t threads[TIMES];

	for (int i = 0; i < TIMES; i++)
		if (thrd_create(&threads[i], c_thread, NULL) != thrd_success)
			return EAGAIN;
	for (int i = 0; i < TIMES; i++)
		thrd_join(threads[i], NULL);
	return 0;
}

static void notified(union sigval value)
{
	(void)value;
	look();
}

static struct sigevent event(int number)
{
	return (struct sigevent){
		.sigev_notify = SIGEV_THREAD,
		.sigev_notify_function = notified,
		.sigev_value.sival_int = number,
	};
}

static int by_timer(void)
{
	return notify_by_timer(TIMES);
}

static int by_queue(void)
{
	return notify_by_queue(TIMES);
}

static int by_lookup(void)
{
	static struct gaicb requests[TIMES];

	return notify_by_lookup(requests, TIMES);
}

static struct aiocb requests[TIMES];
static char blocks[TIMES][16];

static int prepare(void)
{
	int file = (int)syscall(SYS_memfd_create, "conformance", 0);

	if (file < 0 || ftruncate(file, sizeof blocks))
		return -1;
	for (int i = 0; i < TIMES; i++)
		requests[i] = (struct aiocb){
			.aio_fildes = file,
			.aio_lio_opcode = LIO_READ,
			.aio_buf = blocks[i],
			.aio_nbytes = sizeof blocks[i],
			.aio_offset = i * 16,
			.aio_sigevent = event(i),
		};
	return file;
}

static int by_read(void)
{
	int file = prepare();

	if (file < 0)
		return errno;
	for (int i = 0; i < TIMES; i++)
		if (aio_read(&requests[i]))
			return errno;
	wait_for(TIMES);
	close(file);
	return 0;
}

static int by_list(void)
{
	struct aiocb *list[TIMES];
	struct sigevent end = event(TIMES);
	int file = prepare();

	if (file < 0)
		return errno;
	for (int i = 0; i < TIMES; i++)
		list[i] = &requests[i];
	if (lio_listio(LIO_NOWAIT, list, TIMES, &end))
		return errno;
	wait_for(TIMES + 1);
	close(file);
	return 0;
}

int main(void)
{
	int in_main = is_registered();

	begin();
	tell("registered-before-constructors", before_constructors == 1, "in .preinit_array");
	tell("registered-in-constructor", in_constructor == 1, "of the program");
	tell("registered-in-main", in_main, "as the kernel answers");
	route("registered-by-pthread_create", by_pthread, TIMES);
	route("registered-by-pthread_create-detached", detached, TIMES);
	route("registered-by-pthread_create-in-a-thread", by_thread, TIMES);
	route("registered-by-thrd_create", by_thrd, TIMES);
	route("registered-by-timer_create", by_timer, TIMES);
	route("registered-by-mq_notify", by_queue, TIMES);
	route("registered-by-getaddrinfo_a", by_lookup, TIMES);
	route("registered-by-aio_read", by_read, TIMES);
	route("registered-by-lio_listio", by_list, TIMES + 1);
	return 0;
}
