/* A program around refer(), with thread-local storage of its own or without. */
#ifdef STORAGE
__thread int storage = 5;
#endif

int refer(void);

int main(void)
{
#ifdef STORAGE
	if (storage != 5)
		return 9;
#endif
	return refer();
}
