// The products of the gradient, in which no cell's equations are: compiled once for each type of factors, not in each cell.
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
