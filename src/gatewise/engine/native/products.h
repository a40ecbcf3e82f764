// The products of the gradient, which do not depend on the cell: compiled once for each type of factors.
#pragma once

#include "outer.h"
#include "through.h"

#ifdef GATEWISE_PRODUCTS
#define GATEWISE_COMPILED template
#else
#define GATEWISE_COMPILED extern template  // elsewhere
#endif

namespace gatewise {

GATEWISE_COMPILED struct Outer<NumberOf<GATEWISE_NUMBER>, GATEWISE_NUMBER>;
GATEWISE_COMPILED class Through<GATEWISE_NUMBER>;

}  // namespace gatewise
