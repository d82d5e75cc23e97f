// Unwinds through a thread's start, as exceptions, cancellation and backtraces do: by
// the tables of every frame on the way.
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>
#include <unwind.h>

enum { THREADS = 8 };

static atomic_int cleaned, complete;

static void cleans(int *unused)
{
    (void)unused;
    cleaned++;
}

static _Unwind_Reason_Code counts(struct _Unwind_Context *context, void *frames)
{
    if (_Unwind_GetIP(context) != 0)
        (*(int *)frames)++;
    return _URC_NO_REASON;
}

// The frames up to the thread's first: this function, its caller, the libc's.
static void looks(void)
{
    int frames = 0;

    if (_Unwind_Backtrace(counts, &frames) == _URC_END_OF_STACK && frames >= 3 && frames < 10)
        complete++;
}

__attribute__((noinline)) static void ends(long how)
{
    __attribute__((cleanup(cleans))) int held = 0;

    looks();
    if (how % 2)
        pthread_exit(NULL);
    for (;;)
        pause();
    (void)held;
}

static void *thread(void *how)
{
    ends((long)how);
    return NULL;
}

int main(void)
{
    pthread_t threads[THREADS];

    for (long i = 0; i < THREADS; i++)
        if (pthread_create(&threads[i], NULL, thread, (void *)i))
            return 3;
    for (int i = 0; i < THREADS; i += 2)
        pthread_cancel(threads[i]);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    printf("%d cleaned up, %d traced\n", (int)cleaned, (int)complete);
    return 0;
}
