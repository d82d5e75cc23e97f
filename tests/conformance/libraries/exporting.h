// Made part of a program, it makes the program an adopter: an allocator that is
// linked in, and whose __rseq_abi is exported. Includes nothing: it comes before
// what the program defines for its own headers.
__thread struct {
	unsigned words[8];
} __attribute__((aligned(32))) __rseq_abi = { { 0, -1U } };
