// The inputs and outputs of one step of a cell, for one row of a batch; units are consecutive in memory.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <tuple>

#include "math.h"
#include "vector.h"

namespace gatewise {

enum class Width { input, hidden, output };            // of a row; output differs from hidden with a projection
enum class Operand { input, previous, state, kept };   // a whole row that is multiplied or normalised

struct Place {
  Operand where;
  int index;
};

// A state that the next position along an axis reads.
struct Predecessor {
  int state, axis;
};

// A product's operand: `sums` products of it add to the sums `sum`. Backward, its gradient is stored at number `target`
// of the previous states or the entries, or added there.
struct Slot {
  Place operand;
  Width width;
  int sums;
  int sum[8];
  int target;
  bool adds;

  constexpr bool has_sums_of(const Slot &other) const {
    return sums == other.sums && std::equal(sum, sum + sums, other.sum);
  }
};

// Layer normalisation of some rows together; backward, the gradients of the normalised values are in `entry`.
struct Normaliser {
  int rows;
  Place row[16];
  int entry[16];
};

template <class T, class Cell> struct Step {
  using V = Vector<T>;
  int64_t stride;                     // of the numbered rows below: H padded to whole vectors
  const T *input;                     // [I]
  const T *previous[Cell::previous];  // the state of each predecessor
  T *state[Cell::states];             // each state after the step
  T *kept;                            // [kept, H] values saved for training; null if there are none
  const T *factors[Cell::factors];
  const T *vectors;                   // [vectors, H]
  const T *start;                     // [sums, H] the initial value of each sum
  T *numbers;                         // [normalisers, 4] mean, 1 / deviation; backward, two means of gradients

  const T *carried[Cell::previous];   // the gradient with respect to each state, from the next step along an axis
  const T *state_gradient[Cell::states];  // the direct gradient; or null
  const T *by_kept;                   // [kept, H] the gradient with respect to the saved values; or null
  T *previous_gradient[Cell::previous];
  T *entries;                         // [entries, H] gradients that stages pass to earlier ones
  T *sum_gradient;                    // [sums, H]
  T *bias_gradient;                   // [sums, H] summed over rows and steps
  T *vector_gradient;                 // [vectors, H] likewise

  GATEWISE_INLINE T mean(int k) const { return numbers[4 * k]; }
  GATEWISE_INLINE T inverse_deviation(int k) const { return numbers[4 * k + 1]; }

  // The gradient with respect to a state: from later steps, and directly.
  GATEWISE_INLINE V by_state(int k, int64_t u, V later) const {
    return state_gradient[k] ? later + load(state_gradient[k] + u) : later;
  }

  GATEWISE_INLINE V through_normaliser(int k, V value, V gradient) const {
    const V standardised = (value - mean(k)) * inverse_deviation(k);
    return inverse_deviation(k) * (gradient - numbers[4 * k + 2] - standardised * numbers[4 * k + 3]);
  }

  GATEWISE_INLINE void by_sum(int k, int64_t u, V value) const {
    store(sum_gradient + k * stride + u, value);
    add(bias_gradient + k * stride + u, value);
  }

  GATEWISE_INLINE void put_previous(int k, int64_t u, V value) const { store(previous_gradient[k] + u, value); }
  GATEWISE_INLINE void add_previous(int k, int64_t u, V value) const { add(previous_gradient[k] + u, value); }
  GATEWISE_INLINE void put_entry(int k, int64_t u, V value) const { store(entries + k * stride + u, value); }
  GATEWISE_INLINE void add_entry(int k, int64_t u, V value) const { add(entries + k * stride + u, value); }
  GATEWISE_INLINE void add_vector(int k, int64_t u, V value) const { add(vector_gradient + k * stride + u, value); }

  // The row at a location.
  GATEWISE_INLINE const T *at(Place place) const {
    switch (place.where) {
      case Operand::input: return input;
      case Operand::previous: return previous[place.index];
      case Operand::state: return state[place.index];
      default: return kept + place.index * stride;
    }
  }

 private:
  static GATEWISE_INLINE void add(T *to, V value) { store(to, load(to) + value); }
};

}  // namespace gatewise
