// What one step of a cell reads and writes, for one row of a batch; units are consecutive in every pointer.
#pragma once

#include "math.h"
#include "vector.h"

namespace gatewise {

constexpr int most_states = 8, most_saved = 24, most_sums = 16, most_vectors = 16;

template <class T> struct Step {
  const T *previous[most_states];     // [H] each state as the step before left it
  T *state[most_states];              // [H] each state after the step
  T *saved[most_saved];               // [H] what training keeps; saved[0] is null where nothing is kept
  const T *vectors[most_vectors];     // [H] one weight for each unit
  const T *state_gradient[most_states];  // [H] of the loss by each new state
  T *previous_gradient[most_states];  // [H] by each previous state, but for its products
  T *sum_gradient[most_sums];         // [H] by each sum of products
  T *vector_gradient[most_vectors];   // [H] by each vector, added up over rows and steps
};

}  // namespace gatewise
