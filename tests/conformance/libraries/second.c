// Defines __rseq_abi, and may be unloaded.
#define AREA second_area
#include "definer.h"
