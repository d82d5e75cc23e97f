// One plug-in lies on a file system that stops answering. Another is opened, and
// an exception is thrown: neither may wait for it.
//
//     hung SERVER-PID PLUGIN-THERE PLUGIN-HERE BARE-NAME
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <dlfcn.h>
#include <stdexcept>
#include <thread>
#include <unistd.h>

static int thrown(int number)
{
	try {
		if (number >= 0)
			throw std::runtime_error("thrown");
	} catch (const std::exception &) {
		return 1;
	}
	return 0;
}

int main(int, char **arguments)
{
	int server = std::atoi(arguments[1]);
	void *there = dlopen(arguments[2], RTLD_NOW);

	if (!there) {
		std::puts(dlerror());
		return 3;
	}
	kill(server, SIGSTOP);
	// what is asked of the server now is not answered; alarm: the fault to be seen
	usleep(100000);
	alarm(5);
	std::printf("thrown: %d\n", thrown(1));
	std::fflush(stdout);
	void *here = dlopen(arguments[3], RTLD_NOW);
	std::printf("opened: %d\n", here != nullptr);
	std::fflush(stdout);
	if (here)
		std::printf("closed: %d\n", dlclose(here));
	here = dlopen(arguments[4], RTLD_NOW);
	std::printf("opened by its name: %d\n", here != nullptr);
	std::fflush(stdout);
	std::printf("looked up: %d\n", dlsym(RTLD_DEFAULT, "getpid") != nullptr);
	std::fflush(stdout);
	std::thread([] { std::printf("thrown in a thread: %d\n", thrown(2)); }).join();
	std::fflush(stdout);
	alarm(0);
	kill(server, SIGCONT);
	return 0;
}
