// Which descriptors a program finds open, and which number the next one gets.
//
//     fds OUTPUT
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int main(int count, char **arguments)
{
	char text[200] = "";
	int open_ones = 0, next, file;

	(void)count;
	for (int fd = 0; fd < 64; fd++)
		if (fcntl(fd, F_GETFD) != -1)
			open_ones |= fd < 3 ? 1 << fd : 8;
	next = open("/", O_RDONLY | O_DIRECTORY);
	file = open(arguments[1], O_WRONLY | O_CREAT | O_TRUNC, 0644);
	snprintf(text, sizeof text, "open %d, the next is %d\n", open_ones, next);
	return write(file, text, strlen(text)) < 0;
}
