// All that a cell's kernel is made of.
#pragma once

#include "backward.h"
