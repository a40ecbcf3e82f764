// What one step of a cell reads and writes, for one row of a batch; units are consecutive in every pointer.
#pragma once

#include <array>
#include <cstdint>
#include <tuple>

#include "math.h"
#include "vector.h"

namespace gatewise {

enum class Width { input, hidden, output };            // of a row; output differs from hidden where a projection is
enum class Operand { input, previous, state, kept };   // a whole row that is multiplied or normalised

struct Place {
  Operand where;
  int index;
};

// What one position hands on to the next along an axis.
struct Predecessor {
  int state, axis;
};

// A product's operand: `sums` products of it go into the sums `sum`; backward, its gradient goes to number `target`
// of the previous states or the entries, added to what is there or not.
struct Slot {
  Place operand;
  Width width;
  int sums;
  int sum[8];
  int target;
  bool adds;
};

// Layer normalisation of some rows together; backward, gradients of what it makes of them are in `entry`.
struct Normaliser {
  int rows;
  Place row[16];
  int entry[16];
};

template <class T, class Cell> struct Step {
  using V = Vector<T>;
  int64_t stride;                     // of the numbered rows below: H filled up to whole vectors
  const T *input;                     // [I]
  const T *previous[Cell::previous];  // what each predecessor left
  T *state[Cell::states];             // each state after the step
  T *kept;                            // [kept, H] what training keeps; null where nothing is kept
  const T *factors[Cell::factors];
  const T *vectors;                   // [vectors, H]
  const T *start;                     // [sums, H] what each sum starts from
  T *numbers;                         // [normalisers, 4] mean, 1 / deviation; backward, two means of gradients

  const T *carried[Cell::previous];   // the gradient of the loss by each state, from the step after it along an axis
  const T *state_gradient[Cell::states];  // and directly; or null
  const T *by_kept;                   // [kept, H] the gradient by what is kept; or null
  T *previous_gradient[Cell::previous];
  T *entries;                         // [entries, H] gradients that stages leave for earlier ones
  T *sum_gradient;                    // [sums, H]
  T *bias_gradient;                   // [sums, H] added up over rows and steps
  T *vector_gradient;                 // [vectors, H] likewise

  GATEWISE_INLINE T mean(int k) const { return numbers[4 * k]; }
  GATEWISE_INLINE T inverse_deviation(int k) const { return numbers[4 * k + 1]; }

  // The gradient by a state: what came from later, and directly.
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

  // The row at a place.
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
