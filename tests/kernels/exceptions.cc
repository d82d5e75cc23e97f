// C++ exceptions in threads, and what else unwinds through objects with destructors:
//
//     exceptions            each way a thread may end, and what it leaves behind
//     exceptions uncaught   an exception that no frame of a thread catches
#include <pthread.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <future>
#include <stdexcept>
#include <thread>
#include <vector>

namespace {

constexpr int threads = 8;

std::atomic<int> destroyed, caught;

struct object {
	~object()
	{
		destroyed++;
	}
};

__attribute__((noinline)) void throws(int number)
{
	object held;

	if (number >= 0)
		throw std::runtime_error("thrown");
}

void *catches(void *)
{
	try {
		throws(1);
	} catch (const std::runtime_error &) {
		caught++;
	}
	return nullptr;
}

void *exits(void *)
{
	object held;

	pthread_exit(nullptr);
}

void *waits(void *)
{
	object held;

	try {
		for (;;)
			pause();
	} catch (...) {
		// cancellation must go on
		caught++;
		throw;
	}
	return nullptr;
}

void run(const char *name, void *(*routine)(void *), bool cancels)
{
	std::vector<pthread_t> started(threads);

	destroyed = caught = 0;
	for (auto &thread : started)
		if (pthread_create(&thread, nullptr, routine, nullptr))
			_exit(3);
	for (auto &thread : started) {
		if (cancels)
			pthread_cancel(thread);
		pthread_join(thread, nullptr);
	}
	std::printf("%s: %d destroyed %d caught\n", name, destroyed.load(), caught.load());
}

} // namespace

int main(int argc, char **)
{
	if (argc > 1) {
		std::thread(throws, 1).join();
		return 0;
	}
	run("caught", catches, false);
	run("exit", exits, false);
	run("cancel", waits, true);
	destroyed = caught = 0;
	for (int i = 0; i < threads; i++) {
		auto result = std::async(std::launch::async, throws, i);
		try {
			result.get();
		} catch (const std::runtime_error &) {
			caught++;
		}
	}
	std::printf("async: %d destroyed %d caught\n", destroyed.load(), caught.load());
	return 0;
}
