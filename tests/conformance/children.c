// New processes: fork keeps the registration, vfork and posix_spawn
// leave the parent's alone, and a program that is executed is registered anew.
//
// CONFORMANCE_AGAIN: the command that starts this program again (again.h);
// without it, its own name.
//
//! asks: fork-keeps-registration: the child of fork is registered
//! asks: fork-registers-new-threads: threads that the child of fork starts are registered
//! asks: fork-leaves-parent: the parent is still registered after fork
//! asks: vfork-leaves-parent: the parent is still registered after vfork and exec
//! asks: exec-after-vfork-registers: a program executed after vfork is registered, and so are its threads
//! asks: posix_spawn-leaves-parent: the parent is still registered after posix_spawn
//! asks: posix_spawn-registers: the spawned program is registered, and so are its threads
//! asks: exec-registers: a program executed in the child of fork is registered, and so are its threads
#define _GNU_SOURCE
#include <pthread.h>
#include <spawn.h>

#include "conformance.h"
#include "again.h"

static void *asks(void *answer)
{
	*(int *)answer = is_registered();
	return NULL;
}

static int in_a_thread(void)
{
	int answer = 0;
	pthread_t thread;

	if (pthread_create(&thread, NULL, asks, &answer))
		return 0;
	pthread_join(thread, NULL);
	return answer;
}

static int answer_of(pid_t child)
{
	int status;

	if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status))
		return 0;
	return WEXITSTATUS(status);
}

// fork, in the main thread and in a second thread

static void *forks(void *answer)
{
	usable_area();

	pid_t child = fork();

	if (child == 0)
		_exit(is_registered() | in_a_thread() << 1);
	*(int *)answer = answer_of(child);
	return NULL;
}

static void by_fork(void)
{
	int here = 0, there = 0;
	pthread_t thread;

	forks(&here);
	if (pthread_create(&thread, NULL, forks, &there))
		broken("pthread_create");
	pthread_join(thread, NULL);
	tell("fork-keeps-registration", here & there & 1, "main thread %d, another %d", here & 1,
	     there & 1);
	tell("fork-registers-new-threads", (here & there & 2) != 0, "main thread %d, another %d",
	     here >> 1, there >> 1);
	tell("fork-leaves-parent", is_registered(), "the parent's own");
}

// The child runs in the parent's memory: what it writes there stays.
static void by_vfork(void)
{
	char **again = again_words("told");
	pid_t child = vfork();

	if (child == 0) {
		execv(again[0], again);
		_exit(64);
	}

	int told = answer_of(child);

	tell("vfork-leaves-parent", is_registered(), "the parent's own");
	tell("exec-after-vfork-registers", told == 3, "main thread %d, another %d", told & 1, told >> 1 & 1);
}

static void by_posix_spawn(void)
{
	extern char **environ;
	char **again = again_words("told");
	pid_t child;

	if (posix_spawn(&child, again[0], NULL, NULL, again, environ))
		broken("posix_spawn");

	int told = answer_of(child);

	tell("posix_spawn-leaves-parent", is_registered(), "the parent's own");
	tell("posix_spawn-registers", told == 3, "main thread %d, another %d", told & 1, told >> 1 & 1);
}

// exec in the child of a fork: the registration is not inherited.
static void by_exec(void)
{
	char **again = again_words("told");
	pid_t child = fork();

	if (child == 0) {
		execv(again[0], again);
		_exit(64);
	}

	int told = answer_of(child);

	tell("exec-registers", told == 3, "main thread %d, another %d", told & 1, told >> 1 & 1);
}

int main(int arguments, char **argument)
{
	begin();
	if (arguments > 1)
		return is_registered() | in_a_thread() << 1;
	again_name = argument[0];
	by_fork();
	by_vfork();
	by_posix_spawn();
	by_exec();
	return 0;
}
