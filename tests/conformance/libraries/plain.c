// Does not use rseq.
int plain_answer(void)
{
	return 42;
}
