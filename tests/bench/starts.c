/* Starts programs in turn, as often as the first argument says, and prints of each start how
 * long it took and how much of a processor, in nanoseconds. What follows is one program
 * after the other: its file, the variables of its environment, and "--". */
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

static long long now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static long long of(struct timeval time)
{
	return time.tv_sec * 1000000000LL + time.tv_usec * 1000LL;
}

static int start(char *file, char **variables)
{
	char *words[] = { file, 0 };
	long long before = now();
	struct rusage used;
	int status;
	pid_t child;

	if (posix_spawn(&child, file, 0, 0, words, variables) || wait4(child, &status, 0, &used) < 0)
		return 1;
	printf("%lld %lld\n", now() - before, of(used.ru_utime) + of(used.ru_stime));
	return status;
}

int main(int count, char **words)
{
	int turns = count > 1 ? atoi(words[1]) : 0;
	char **end = words + count;

	for (char **word = words; word < end; word++)
		if (!strcmp(*word, "--"))
			*word = 0;
	while (turns--)
		for (char **word = words + 2; word < end; word++) {
			if (start(word[0], word + 1))
				return 1;
			while (*word)
				word++;
		}
	return 0;
}
