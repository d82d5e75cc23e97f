// Runs a program, and another one that looks at it.
//
//     beside [NAME=VALUE...] PROGRAM [ARGUMENT...] -- OBSERVER [ARGUMENT...]
//
// The variables are the program's alone. It is ready when it says "ready", or, where
// its name begins with "+", when it says anything, or, where it begins with "@", as soon
// as it waits; it ends with its input, and these two by a signal. An argument
// "PID" of the observer is the program's id. Ends as the observer does, or with 99
// where the program does not end well.
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MOST = 64 };

static void fail(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, strerror(errno));
    exit(98);
}

static int is_ready(FILE *output, int says_anything)
{
    char line[256];
    while (fgets(line, sizeof line, output) != NULL)
        if (says_anything || strcmp(line, "ready\n") == 0)
            return 1;
    return 0;
}

int main(int count, char **words)
{
    int input[2], output[2], first = 1, last;

    while (first < count && strchr(words[first], '=') != NULL)
        first++;
    for (last = first; last < count && strcmp(words[last], "--") != 0; last++)
        ;
    if (first == last || last + 1 >= count || pipe(input) != 0 || pipe(output) != 0)
        fail("usage");
    words[last] = NULL;
    int speaks = words[first][0] != '@', says_anything = words[first][0] == '+';
    int is_ended = !speaks || says_anything;
    pid_t program = fork();
    if (program == 0) {
        dup2(input[0], 0);
        dup2(output[1], 1);
        for (int i = 0; i < 2; i++) {
            close(input[i]);
            close(output[i]);
        }
        char *path = words[first] + is_ended;
        char *arguments[MOST + 1] = { path };
        for (int i = first + 1; i < last && i - first < MOST; i++)
            arguments[i - first] = words[i];
        words[first] = NULL;
        execve(path, arguments, words + 1);
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        _exit(127);
    }
    close(input[0]);
    close(output[1]);
    if (speaks && !is_ready(fdopen(output[0], "r"), says_anything))
        fail("the program is not ready");
    if (!speaks)
        sleep(10);

    char id[16];
    int observed, ended = 0;
    snprintf(id, sizeof id, "%d", (int)program);
    for (int i = last + 1; i < count; i++)
        if (strcmp(words[i], "PID") == 0)
            words[i] = id;
    pid_t observer = fork();
    if (observer == 0) {
        close(input[1]);
        execve(words[last + 1], words + last + 1, (char *[]){ NULL });
        fprintf(stderr, "%s: %s\n", words[last + 1], strerror(errno));
        _exit(127);
    }
    if (waitpid(observer, &observed, 0) != observer)
        fail("waitpid");
    close(input[1]);
    if (is_ended)
        kill(program, SIGTERM);
    if (waitpid(program, &ended, 0) != program || (!is_ended && ended != 0)) {
        fprintf(stderr, "the program's status: %d\n", ended);
        return 99;
    }
    return WIFEXITED(observed) ? WEXITSTATUS(observed) : 97;
}
