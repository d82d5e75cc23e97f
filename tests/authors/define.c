/* A right definition. */
#include <rseq_abi.h>

RSEQ_ABI_DEFINE;
