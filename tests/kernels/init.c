// The first and only process of a guest, static: runs a list of commands and
// writes what came of each to the second serial line, then powers off. The
// kernel's own words go to the first line, so that neither disturbs the other.
//
// The list, /commands, is strings that each end with a zero byte: for each
// command its limit in seconds, the count of its environment and the
// environment, the count of its arguments and the arguments.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

enum { MOST_STRINGS = 256 };

// The second serial line: on AArch64 the first one has a driver of its own. On s390x
// one that takes any bytes, which the line of the kernel's words does not.
#ifdef __aarch64__
#define RESULTS "/dev/ttyS0"
#elif defined(__s390x__)
#define RESULTS "/dev/ttysclp0"
#else
#define RESULTS "/dev/ttyS1"
#endif

static int results;

static void put(const void *bytes, size_t length)
{
    const char *next = bytes;
    while (length > 0) {
        ssize_t written = write(results, next, length);
        if (written < 0 && errno != EINTR)
            return;
        if (written > 0) {
            next += written;
            length -= (size_t)written;
        }
    }
}

static void power_off(void)
{
    tcdrain(results);
    sync();
    reboot(RB_POWER_OFF);
    for (;;)
        pause();
}

// What cannot go wrong has gone wrong: say so where the host looks.
static void give_up(const char *what)
{
    char line[256];
    int length = snprintf(line, sizeof line, "broken %s: %s\n", what, strerror(errno));
    put(line, (size_t)length);
    power_off();
}

static void open_results(void)
{
    struct termios settings;

    results = open(RESULTS, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (results < 0)
        _exit(1); // a panic: the host reads that on the console
    if (tcgetattr(results, &settings) == 0) {
        cfmakeraw(&settings);
        cfsetspeed(&settings, B115200);
        tcsetattr(results, TCSANOW, &settings);
    }
}

static char *commands, *commands_end;

static char *next_string(void)
{
    char *string = commands;
    char *end = memchr(string, 0, (size_t)(commands_end - string));
    if (end == NULL) {
        errno = EINVAL;
        give_up("/commands");
    }
    commands = end + 1;
    return string;
}

static void next_strings(char *strings[])
{
    int count = atoi(next_string());
    if (count >= MOST_STRINGS) {
        errno = E2BIG;
        give_up("/commands");
    }
    for (int i = 0; i < count; i++)
        strings[i] = next_string();
    strings[count] = NULL;
}

static void read_commands(void)
{
    struct stat status;
    int file = open("/commands", O_RDONLY | O_CLOEXEC);
    if (file < 0 || fstat(file, &status) != 0)
        give_up("/commands");
    commands = malloc((size_t)status.st_size + 1);
    if (commands == NULL)
        give_up("memory");
    if (read(file, commands, (size_t)status.st_size) != status.st_size)
        give_up("/commands");
    commands_end = commands + status.st_size;
    close(file);
}

static void nothing(int signal)
{
    (void)signal;
}

// Waits for the command, and for whatever else comes to its end meanwhile;
// kills the command's process group when its time is up.
static int wait_for(pid_t command)
{
    for (;;) {
        int status;
        pid_t ended = waitpid(-1, &status, 0);
        if (ended == command)
            return status;
        if (ended < 0 && errno == EINTR)
            kill(-command, SIGKILL);
        else if (ended < 0)
            give_up("waitpid");
    }
}

static void put_file(const char *path)
{
    char block[4096];
    ssize_t length;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    while (file >= 0 && (length = read(file, block, sizeof block)) > 0)
        put(block, (size_t)length);
    close(file);
}

static long size_of(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 ? (long)status.st_size : 0;
}

static void run(int number)
{
    static char *environment[MOST_STRINGS], *arguments[MOST_STRINGS];
    char line[64];
    unsigned limit = (unsigned)atoi(next_string());

    next_strings(environment);
    next_strings(arguments);
    put(line, (size_t)snprintf(line, sizeof line, "begin %d\n", number));
    pid_t command = fork();
    if (command < 0)
        give_up("fork");
    if (command == 0) {
        setpgid(0, 0);
        int input = open("/dev/null", O_RDONLY);
        int output = open("/tmp/.out", O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0600);
        int errors = open("/tmp/.err", O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0600);
        if (dup2(input, 0) < 0 || dup2(output, 1) < 0 || dup2(errors, 2) < 0)
            _exit(126);
        close(input);
        close(output);
        close(errors);
        execve(arguments[0], arguments, environment);
        dprintf(2, "%s: %s\n", arguments[0], strerror(errno));
        _exit(127);
    }
    setpgid(command, command);
    alarm(limit);
    int status = wait_for(command);
    alarm(0);
    kill(-command, SIGKILL);
    put(line, (size_t)snprintf(line, sizeof line, "end %d %d %ld %ld\n", number, status,
                               size_of("/tmp/.out"), size_of("/tmp/.err")));
    put_file("/tmp/.out");
    put_file("/tmp/.err");
}

int main(void)
{
    struct sigaction on_alarm = { .sa_handler = nothing };

    mkdir("/dev", 0755);
    mkdir("/proc", 0755);
    mkdir("/sys", 0755);
    mkdir("/tmp", 01777);
    mkdir("/run", 0755);
    if (mount("dev", "/dev", "devtmpfs", 0, NULL) != 0 && errno != EBUSY)
        _exit(1);
    mkdir("/dev/shm", 01777);
    open_results();
    if (mount("proc", "/proc", "proc", 0, NULL) != 0)
        give_up("/proc");
    if (mount("sys", "/sys", "sysfs", 0, NULL) != 0)
        give_up("/sys");
    if (mount("tmp", "/tmp", "tmpfs", 0, NULL) != 0)
        give_up("/tmp");
    if (mount("shm", "/dev/shm", "tmpfs", 0, NULL) != 0)
        give_up("/dev/shm");
    sigaction(SIGALRM, &on_alarm, NULL);
    read_commands();
    for (int number = 0; commands < commands_end; number++)
        run(number);
    put("done\n", 5);
    power_off();
}
