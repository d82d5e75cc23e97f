// Makes the program that includes it an adopter, as one is with an allocator linked
// in whose __rseq_abi is exported. It includes nothing, because it comes before the
// macros that the program defines for its own headers.
__thread struct {
	unsigned words[8];
} __attribute__((aligned(32))) __rseq_abi = { { 0, -1U } };
