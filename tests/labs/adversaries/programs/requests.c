// What a program wrote into its requests is what it reads there afterwards.
#include <aio.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void notify(union sigval value)
{
	(void)value;
}

static const char *kept(const struct aiocb *request, void *value)
{
	return request->aio_sigevent.sigev_notify_function == notify &&
			       request->aio_sigevent.sigev_value.sival_ptr == value ?
		       "kept" :
		       "changed";
}

static struct aiocb request(int file, char *buffer, void *value)
{
	struct aiocb it;

	memset(&it, 0, sizeof it);
	it.aio_fildes = file;
	it.aio_buf = buffer;
	it.aio_nbytes = 8;
	it.aio_lio_opcode = LIO_READ;
	it.aio_sigevent.sigev_notify = SIGEV_THREAD;
	it.aio_sigevent.sigev_notify_function = notify;
	it.aio_sigevent.sigev_value.sival_ptr = value;
	return it;
}

int main(void)
{
	static char buffer[8], other[8];
	int file = open("/dev/zero", O_RDONLY);
	struct aiocb one = request(file, buffer, buffer), two = request(file, other, other);
	struct aiocb *list[] = { &two };
	struct sigevent event = { .sigev_notify = SIGEV_THREAD, .sigev_notify_function = notify };

	if (aio_read(&one) || lio_listio(LIO_NOWAIT, list, 1, &event))
		return 3;
	printf("aio_read: %s\n", kept(&one, buffer));
	printf("lio_listio: %s\n", kept(&two, other));
	usleep(100000);
	printf("later: %s, %s\n", kept(&one, buffer), kept(&two, other));
	return 0;
}
