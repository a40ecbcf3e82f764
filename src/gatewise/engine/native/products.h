// All that does not depend on the cell: compiled once for each type of factors, where GATEWISE_PRODUCTS is defined.
#pragma once

#include "dots.h"
#include "fingerprint.h"
#include "panel.h"
#include "tile.h"
#ifdef GATEWISE_PRODUCTS
#include "parallel.h"
#endif
#ifndef GATEWISE_INFERENCE
#include "outer.h"
#include "through.h"
#endif

#ifdef GATEWISE_PRODUCTS
#define GATEWISE_COMPILED template
#else
#define GATEWISE_COMPILED extern template  // elsewhere
#endif

namespace gatewise {

GATEWISE_COMPILED struct Panel<GATEWISE_NUMBER>;
GATEWISE_COMPILED class Tile<GATEWISE_NUMBER>;
GATEWISE_COMPILED class TilesInUse<GATEWISE_NUMBER>;
#ifndef GATEWISE_INFERENCE
GATEWISE_COMPILED struct Dots<NumberOf<GATEWISE_NUMBER>>;
GATEWISE_COMPILED struct Outer<NumberOf<GATEWISE_NUMBER>, GATEWISE_NUMBER>;
GATEWISE_COMPILED class Through<GATEWISE_NUMBER>;
#endif

}  // namespace gatewise
