// All that a cell's kernel is made of; without its gradient if it is for inference only.
#pragma once

#ifdef GATEWISE_INFERENCE
#include "forward.h"
#else
#include "backward.h"
#endif
