// A cell along a batch of sequences, forward and backward. Rows of the batch are shared among the threads: no thread
// waits for another in the whole sequence.
#pragma once

#include <algorithm>
#include <cstring>
#include <vector>

#include "product.h"
#include "step.h"

namespace gatewise {

// All memory belongs to the caller. P is H filled up to whole vectors; what lies between is written but never read back.
template <class T> struct Problem {
  int64_t steps, batch, inputs, units, padded, threads;  // T, B, I, H, P
  const T *x;                          // [T, B, I]
  const T *const *weights;             // for each slot and each of its products [H, I] or [H, H], in the slots' order
  const T *bias;                       // [sums, P] what each sum starts from
  const T *vectors[most_vectors];      // [P]
  const T *initial[most_states];       // [B, P]
  T *states[most_states];              // [T, B, P]
  T *saved[most_saved];                // [T, B, P], or null
  const int32_t *active;               // [T] how many rows, from the first on, are still inside their sequence; or null
  const uint8_t *resets;               // [T, B] where states become zero before the step; or null
  const T *state_gradients[most_states];  // [T, B, P] of the loss by each state of each step, or null
  T *carried[most_states];             // [B, P] in: by the last states; out: by the initial ones
  T *sum_gradients;                    // [T, B, sums, P]
  T *vector_gradients;                 // [threads, vectors, P], zero at first
};

template <class T, template <class> class CellOf> struct Along {
  using Cell = CellOf<T>;
  using V = Vector<T>;
  static constexpr int L = lanes<T>, M = Cell::sums, S = Cell::states;
  static constexpr int registers = GATEWISE_VECTOR_BYTES == 64 ? 32 : 16;
  static constexpr int blocks = M >= 4 ? 1 : M == 3 ? 1 : 4 / M;  // of units in a tile, so that it has work for the registers
  static constexpr int columns = blocks * M;
  static constexpr int height = std::max(1, std::min(8, (registers - 2 - columns) / columns));

  static int64_t width_of(const Problem<T> &p, int slot) { return Cell::slot_state[slot] < 0 ? p.inputs : p.units; }
  static int64_t groups(const Problem<T> &p) { return (p.padded + blocks * L - 1) / (blocks * L); }

  static int64_t packed_size(const Problem<T> &p) {
    int64_t size = 0;
    for (int s = 0; s < Cell::slots; ++s) size += width_of(p, s) * Cell::slot_sums[s];
    return size * groups(p) * blocks * L;
  }

  // For each group of units, slot and depth: the weights of all its sums, a vector each.
  static void pack(const Problem<T> &p, T *packed) {
    const int64_t panel = packed_size(p) / groups(p);
#pragma omp parallel for num_threads(p.threads) schedule(static)
    for (int64_t g = 0; g < groups(p); ++g) {
      T *to = packed + g * panel;
      const T *const *weight = p.weights;
      for (int s = 0; s < Cell::slots; ++s) {
        const int64_t width = width_of(p, s);
        for (int64_t d = 0; d < width; ++d)
          for (int b = 0; b < blocks; ++b)
            for (int k = 0; k < Cell::slot_sums[s]; ++k)
              for (int l = 0; l < L; ++l) {
                const int64_t unit = (g * blocks + b) * L + l;
                *to++ = unit < p.units ? weight[k][unit * width + d] : T(0);
              }
        weight += Cell::slot_sums[s];
      }
    }
  }

  template <int slot, int R> static GATEWISE_INLINE void multiply(V (&sum)[blocks][M][R], const T *const (*rows)[height], int64_t inputs, int64_t units, const T *&w) {
    constexpr int K = Cell::slot_sums[slot];
    const int64_t width = Cell::slot_state[slot] < 0 ? inputs : units;
    const T *const *row = rows[slot];
    for (int64_t d = 0; d < width; ++d, w += blocks * K * L) {
      V weight[blocks][K];
#pragma GCC unroll 16
      for (int b = 0; b < blocks; ++b)
#pragma GCC unroll 16
        for (int k = 0; k < K; ++k) weight[b][k] = load(w + (b * K + k) * L);
#pragma GCC unroll 16
      for (int r = 0; r < R; ++r) {
        const V x = broadcast(row[r][d]);
#pragma GCC unroll 16
        for (int b = 0; b < blocks; ++b)
#pragma GCC unroll 16
          for (int k = 0; k < K; ++k) sum[b][Cell::slot_sum[slot][k]][r] += weight[b][k] * x;
      }
    }
    if constexpr (slot + 1 < Cell::slots) multiply<slot + 1, R>(sum, rows, inputs, units, w);
  }

  // R rows from `row` on, one group of units, one step.
  template <int R> static void tile(const Problem<T> &p, const T *packed, int64_t t, int64_t row, int64_t group, const T *zeros) {
    const T *rows[Cell::slots][height];
    const T *previous[S][R];
    for (int r = 0; r < R; ++r) {
      const bool reset = p.resets && p.resets[t * p.batch + row + r];
      for (int s = 0; s < S; ++s) {
        const T *before = t == 0 ? p.initial[s] + (row + r) * p.padded : p.states[s] + ((t - 1) * p.batch + row + r) * p.padded;
        previous[s][r] = reset ? zeros : before;
      }
      for (int s = 0; s < Cell::slots; ++s)
        rows[s][r] = Cell::slot_state[s] < 0 ? p.x + (t * p.batch + row + r) * p.inputs : previous[Cell::slot_state[s]][r];
    }
    const int64_t first = group * blocks * L;
    V sum[blocks][M][R];
#pragma GCC unroll 16
    for (int b = 0; b < blocks; ++b)
#pragma GCC unroll 16
      for (int m = 0; m < M; ++m) {
        const V start = first + b * L < p.padded ? load(p.bias + m * p.padded + first + b * L) : V{};
#pragma GCC unroll 16
        for (int r = 0; r < R; ++r) sum[b][m][r] = start;
      }
    multiply<0, R>(sum, rows, p.inputs, p.units, packed);
    for (int b = 0; b < blocks && first + b * L < p.padded; ++b)
      for (int r = 0; r < R; ++r) {
        const int64_t at = (t * p.batch + row + r) * p.padded;
        Step<T> step;
        V own[M];
        for (int m = 0; m < M; ++m) own[m] = sum[b][m][r];
        for (int s = 0; s < S; ++s) step.previous[s] = previous[s][r], step.state[s] = p.states[s] + at;
        step.saved[0] = nullptr;
        if (p.saved[0])
          for (int k = 0; k < Cell::saved; ++k) step.saved[k] = p.saved[k] + at;
        for (int k = 0; k < Cell::vectors; ++k) step.vectors[k] = p.vectors[k];
        Cell::forward(own, step, first + b * L);
      }
  }

  // Rows from..to of one step in tiles, the tallest first.
  template <int R> static void tiles(const Problem<T> &p, const T *packed, int64_t t, int64_t from, int64_t to, int64_t group, const T *zeros) {
    for (; to - from >= R; from += R) tile<R>(p, packed, t, from, group, zeros);
    if constexpr (R > 1)
      if (from < to) tiles<(R > 4 ? 4 : R / 2)>(p, packed, t, from, to, group, zeros);
  }

  static void forward(const Problem<T> &p, const T *packed) {
    const int64_t panel = packed_size(p) / groups(p);
#pragma omp parallel for num_threads(p.threads) schedule(static)
    for (int64_t thread = 0; thread < p.threads; ++thread) {
      const std::vector<T> zeros(size_t(p.padded), T(0));
      const auto [from, to] = share(p, thread);
      for (int64_t t = 0; t < p.steps; ++t) {
        const int64_t end = p.active ? std::min<int64_t>(to, p.active[t]) : to;
        clear(p, t, std::max(from, end), to);
        if (from < end)
          for (int64_t g = 0; g < groups(p); ++g) tiles<height>(p, packed + g * panel, t, from, end, g, zeros.data());
      }
    }
  }

  // Rows that are beyond their end show zeros.
  static void clear(const Problem<T> &p, int64_t t, int64_t from, int64_t to) {
    const auto zero = [&](T *values) {
      if (from < to) std::memset(values + (t * p.batch + from) * p.padded, 0, size_t((to - from) * p.padded) * sizeof(T));
    };
    for (int s = 0; s < S; ++s) zero(p.states[s]);
    for (int k = 0; k < Cell::saved && p.saved[0]; ++k) zero(p.saved[k]);
  }

  struct Range { int64_t from, to; };

  static Range share(const Problem<T> &p, int64_t thread) {
    const int64_t tall = (p.batch + height - 1) / height, each = (tall + p.threads - 1) / p.threads * height;
    return {std::min(p.batch, thread * each), std::min(p.batch, (thread + 1) * each)};
  }

  // What a step passes to a previous state through its products: the sums' gradients times the slot's weights.
  static void through_products(const Problem<T> &p, int slot, const T *const *weight, int64_t t, int64_t from, int64_t to) {
    T *target = p.carried[Cell::slot_state[slot]];
    for (int64_t j = 0; j < p.units; j += 4 * L) {
      const int64_t columns = std::min<int64_t>(4 * L, p.units - j);
      for (int64_t row = from; row < to; row += 6) {
        const int64_t own = std::min<int64_t>(6, to - row);
        through_tile(p, slot, weight, t, row, own, j, columns, target);
      }
    }
  }

  static void through_tile(const Problem<T> &p, int slot, const T *const *weight, int64_t t, int64_t row, int64_t own, int64_t j, int64_t columns, T *target) {
    V sum[6][4] = {};
    const T *gradient[6];
    for (int r = 0; r < 6; ++r) gradient[r] = p.sum_gradients + (t * p.batch + row + std::min<int64_t>(r, own - 1)) * M * p.padded;
    for (int k = 0; k < Cell::slot_sums[slot]; ++k) {
      const int64_t shift = Cell::slot_sum[slot][k] * p.padded;
      for (int64_t u = 0; u < p.units; ++u) {
        V w[4];
        const T *at = weight[k] + (j / (4 * L) * p.units + u) * 4 * L;
#pragma GCC unroll 4
        for (int c = 0; c < 4; ++c) w[c] = load(at + c * L);
#pragma GCC unroll 6
        for (int r = 0; r < 6; ++r) {
          const V d = broadcast(gradient[r][shift + u]);
#pragma GCC unroll 4
          for (int c = 0; c < 4; ++c) sum[r][c] += d * w[c];
        }
      }
    }
    for (int64_t r = 0; r < own; ++r) {
      T part[4 * L];
      for (int c = 0; c < 4; ++c) store(part + c * L, sum[r][c]);
      T *to = target + (row + r) * p.padded + j;
      for (int64_t c = 0; c < columns; ++c) to[c] += part[c];
    }
  }

  // The weights of each state's slot as panels of four vectors of its units, for `through_tile`.
  static std::vector<std::vector<T>> panels(const Problem<T> &p) {
    std::vector<std::vector<T>> all;
    const T *const *weight = p.weights;
    for (int s = 0; s < Cell::slots; ++s)
      for (int k = 0; k < Cell::slot_sums[s]; ++k, ++weight) {
        const int64_t count = Cell::slot_state[s] < 0 ? 0 : (p.units + 4 * L - 1) / (4 * L);
        std::vector<T> one(size_t(count * p.units * 4 * L), T(0));
#pragma omp parallel for num_threads(p.threads) schedule(static)
        for (int64_t g = 0; g < count; ++g) {
          const int64_t columns = std::min<int64_t>(4 * L, p.units - g * 4 * L);
          for (int64_t u = 0; u < p.units; ++u)
            std::memcpy(&one[size_t((g * p.units + u) * 4 * L)], *weight + u * p.units + g * 4 * L, size_t(columns) * sizeof(T));
        }
        all.push_back(std::move(one));
      }
    return all;
  }

  static void backward(const Problem<T> &p) {
    const auto weights = panels(p);
    std::vector<const T *> weight;
    for (const auto &one : weights) weight.push_back(one.data());
#pragma omp parallel for num_threads(p.threads) schedule(static)
    for (int64_t thread = 0; thread < p.threads; ++thread) {
      const std::vector<T> zeros(size_t(p.padded), T(0));
      const auto [from, to] = share(p, thread);
      for (int64_t t = p.steps - 1; t >= 0; --t) {
        const int64_t end = p.active ? std::min<int64_t>(to, p.active[t]) : to;
        for (int64_t row = std::max(from, end); row < to; ++row)
          std::memset(p.sum_gradients + (t * p.batch + row) * M * p.padded, 0, size_t(M * p.padded) * sizeof(T));
        for (int64_t row = from; row < end; ++row) backward_row(p, t, row, thread, zeros.data());
        const T *const *own = weight.data();
        for (int s = 0; s < Cell::slots; ++s) {
          if (Cell::slot_state[s] >= 0) through_products(p, s, own, t, from, end);
          own += Cell::slot_sums[s];
        }
        for (int64_t row = from; row < end && p.resets; ++row)
          if (p.resets[t * p.batch + row])
            for (int s = 0; s < S; ++s) std::memset(p.carried[s] + row * p.padded, 0, size_t(p.padded) * sizeof(T));
      }
    }
  }

  static void backward_row(const Problem<T> &p, int64_t t, int64_t row, int64_t thread, const T *zeros) {
    const bool reset = p.resets && p.resets[t * p.batch + row];
    const int64_t at = (t * p.batch + row) * p.padded;
    Step<T> step;
    for (int s = 0; s < S; ++s) {
      const T *before = t == 0 ? p.initial[s] + row * p.padded : p.states[s] + at - p.batch * p.padded;
      step.previous[s] = reset ? zeros : before;
      step.state[s] = p.states[s] + at;
      T *carried = p.carried[s] + row * p.padded;
      if (p.state_gradients[s])
        for (int64_t u = 0; u < p.padded; u += L) store(carried + u, load(carried + u) + load(p.state_gradients[s] + at + u));
      step.state_gradient[s] = step.previous_gradient[s] = carried;
    }
    for (int k = 0; k < Cell::saved; ++k) step.saved[k] = p.saved[k] + at;
    for (int m = 0; m < M; ++m) step.sum_gradient[m] = p.sum_gradients + ((t * p.batch + row) * M + m) * p.padded;
    for (int k = 0; k < Cell::vectors; ++k) {
      step.vectors[k] = p.vectors[k];
      step.vector_gradient[k] = p.vector_gradients + (thread * Cell::vectors + k) * p.padded;
    }
    for (int64_t u = 0; u < p.padded; u += L) Cell::backward(step, u);
  }
};

}  // namespace gatewise
