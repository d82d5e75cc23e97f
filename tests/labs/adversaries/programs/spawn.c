// Children by vfork, posix_spawn, system and popen, from several threads at once.
#include <pthread.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

enum { THREADS = 4, ROUNDS = 40 };

static char *const command[] = { "true", NULL };

static int status_of(pid_t child)
{
	int status = -1;

	waitpid(child, &status, 0);
	return status;
}

static void *work(void *bad)
{
	for (int i = 0; i < ROUNDS; i++) {
		pid_t child = vfork();
		FILE *pipe;
		int number = 0;

		if (child == 0) {
			execvp("true", command);
			_exit(9);
		}
		*(int *)bad += status_of(child) != 0;
		child = 0;
		*(int *)bad += posix_spawnp(&child, "true", NULL, NULL, command, environ) != 0;
		*(int *)bad += status_of(child) != 0;
		if (i % 8)
			continue;
		*(int *)bad += system("exit 0") != 0;
		pipe = popen("echo 42", "r");
		if (!pipe || fscanf(pipe, "%d", &number) != 1 || number != 42)
			++*(int *)bad;
		if (pipe)
			pclose(pipe);
	}
	return NULL;
}

int main(void)
{
	pthread_t threads[THREADS];
	int bad[THREADS] = { 0 }, sum = 0;

	for (int i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, work, &bad[i]);
	for (int i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		sum += bad[i];
	}
	printf("%d children failed\n", sum);
	return sum != 0;
}
