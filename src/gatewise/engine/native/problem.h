// The arguments of a call: pointers and sizes, all of eight bytes. All memory belongs to the caller.
#pragma once

#include <cstdint>
#include <type_traits>

#include "lattice.h"
#include "step.h"

namespace gatewise {

// Rows of numbers by time and batch: row (t, b) begins at from + (t & ring) * step + b * row. A ring of -1 is no ring.
template <class T> struct Rows {
  T *from;
  int64_t step, row, ring;

  T *operator()(int64_t t, int64_t b) const { return from + (t & ring) * step + b * row; }
};

// H' is H padded to whole vectors; in rows of H' numbers, those after the first H are zeros or undefined.
// T positions, in the order of the lattice's axes; F positions on the side of an axis, one for a sequence.
// Weights are of type T, or int8 with a scale for each row of a matrix.
template <class T, class Cell, class Weight = T> struct Problem {
  static constexpr int scales = std::is_same_v<Weight, T> ? 0 : Cell::matrices;
  int64_t size[Cell::axes];                // T is their product
  int64_t batch, inputs, units, outputs;   // B, I, H, and the output width (H without a projection)
  int64_t heads;                           // units of a head multiply its hidden values only; 1 with a projection
  int64_t threads, share_units, ahead, recompute;
  int64_t unpacked;                        // whether weights are read in the caller's order: a few rows forward, or backward
  int64_t reverse[Cell::axes];             // whether it scans an axis backwards
  const int64_t *lengths;                  // [B, axes] or null: all have the size of the lattice
  const uint8_t *resets;                   // [T, B] whether states are set to zero before the step; or null
  const Weight *matrix[Cell::matrices];    // for each product [H, I] or [H, H / heads], in the order of stages, slots, sums
  const T *bias[Cell::biases];             // [H] or null
  const T *vector[Cell::vectors];          // [H]
  const T *scale[scales];                  // [H] for each matrix, in the same order
  Rows<const T> input;                     // [T, B, I]
  Rows<const T> initial[Cell::previous];   // [F, B, H']
  Rows<T> state[Cell::states];             // [T, B, H']
  Rows<T> final[Cell::previous];           // [F, B, H'] or null
  Rows<T> kept;                            // [T, B, kept, H'] or null
  Rows<const T> factors[Cell::factors];    // [T, B, H'] in the order of the run

  int64_t padded() const { return (units + lanes<T> - 1) / lanes<T> * lanes<T>; }
  int64_t width(Width kind) const { return kind == Width::input ? inputs : kind == Width::hidden ? units : outputs; }
  int64_t heads_of(Width kind) const { return kind == Width::input ? 1 : heads; }
  int64_t depth(Width kind) const { return width(kind) / heads_of(kind); }  // of the products with a row
  Lattice<Cell::axes> lattice() const { return {size, batch, lengths, reverse}; }

  // For a backward run, the reset before step t comes after step t.
  bool resets_at(const Row<Cell::axes> &row) const {
    if (!resets || (reverse[0] && row.first[0])) return false;
    return resets[(row.t + (reverse[0] ? 1 : 0)) * batch + row.b];
  }
};

// The gradients with respect to the results, and the destinations of those with respect to the inputs; null if zero or not
// requested.
template <class T, class Cell> struct Gradients {
  Rows<const T> by_state[Cell::states];    // [T, B, H']
  Rows<const T> by_final[Cell::previous];  // [F, B, H']
  Rows<const T> by_kept;                   // [T, B, kept, H']
  Rows<T> input;                           // [T, B, I]
  Rows<T> initial[Cell::previous];         // [F, B, H']
  T *matrix[Cell::matrices];
  T *bias[Cell::biases];
  T *vector[Cell::vectors];
};

// Allocates parts of one block of memory; without memory, it computes the size that is needed.
class MemoryPool {
 public:
  explicit MemoryPool(void *memory) : at(static_cast<char *>(memory)) {}

  template <class U> U *take(int64_t count) {
    char *const here = at + used;
    used += (size_t(count) * sizeof(U) + 63) / 64 * 64;
    return reinterpret_cast<U *>(here);
  }

  int64_t bytes() const { return int64_t(used); }

 private:
  char *at;
  size_t used = 0;
};

}  // namespace gatewise
