// A plug-in with a constructor, a function and a page of data.
static volatile int started;
static volatile char page[4096];

__attribute__((constructor)) static void start(void)
{
	started = 1;
	page[1000] = 2;
}

int plugin(void)
{
	return started + page[1000];
}
