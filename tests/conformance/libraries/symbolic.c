// Defines __rseq_abi and binds to its own definition, whichever comes first.
//
//! cc: -Wl,-Bsymbolic
#define AREA symbolic_area
#include "definer.h"
