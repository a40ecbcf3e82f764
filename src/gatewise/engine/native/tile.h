// The products of a tile: some rows times the weights of some units, with all sums in registers. It does not depend on the
// cell, and so is compiled once for each type of factors.
#pragma once

#include <array>
#include <utility>

#include "int8.h"
#include "matrix_tiles.h"
#include "prefetch.h"

namespace gatewise {

constexpr int registers = GATEWISE_VECTOR_BYTES == 64 ? 32 : 16;

// The most rows of a tile with this number of columns, vectors of sums: its sums and the weights of one depth fit into
// the registers.
constexpr int tile_height(int columns) { return std::max(1, std::min(8, (registers - 2 - columns) / columns)); }

// Rows that one slot of a stage multiplies by its weights: `depth` packed numbers of each, from number `start` on.
template <class T> struct Factor {
  const T *const *rows;
  int64_t depth, start;
};

template <class Element> class Tile {
 public:
  using T = NumberOf<Element>;
  using Way = WayOf<T, Element>;
  using V = Vector<T>;
  static constexpr int L = lanes<T>;
  static constexpr int widest = 8;  // columns

  // For all rows r of the tile and all columns c: sums[r * step + place[c]] = start[r][start_place[c]] + sum over factors and
  // depths of row `row + r` times the weights of column c. The weights of a factor follow those of the one before.
  struct Work {
    const Factor<T> *factors;
    int count;
    int64_t row;
    const T *weights;
    const T *const *start;
    const int64_t *start_place;
    T *sums;
    int64_t step;
    const int64_t *place;
  };

  static void run(int rows, int columns, const Work &work, NextPanel<T> &next);

 private:
  using Function = void (*)(const Work &, NextPanel<T> &);

  // Few rows have too few sums to keep the multipliers busy: then every second depth has separate sums.
  template <int C, int R> static constexpr int ways = R * C < 8 ? 2 : 1;
  template <class Sum, int C, int R> struct Sums {
    Sum at[ways<C, R>][R][C] = {};
  };

  template <int C, int R, class Sum>
  static GATEWISE_INLINE void over_depth(const Factor<T> &factor, int64_t first, const T *weights, NextPanel<T> next,
                                         Sums<Sum, C, R> &sums);
  template <int C, int R> static void run_floats(const Work &work, NextPanel<T> &next);
  template <int C, int R> static void run_integers(const Work &work, NextPanel<T> &next);
  static void run_matrix_tiles(int rows, int columns, const Work &work, NextPanel<T> &next);

  // The functions for C columns and 1, 2, ... rows.
  template <int C> static constexpr std::array<Function, 8> of_height() {
    std::array<Function, 8> all{};
    [&]<std::size_t... r>(std::index_sequence<r...>) {
      if constexpr (is_int8<Element>) ((all[r] = run_integers<C, int(r) + 1>), ...);
      else ((all[r] = run_floats<C, int(r) + 1>), ...);
    }(std::make_index_sequence<tile_height(C)>{});
    return all;
  }
};

#ifdef GATEWISE_PRODUCTS
template <class Element> void Tile<Element>::run(int rows, int columns, const Work &work, NextPanel<T> &next) {
  if constexpr (in_matrix_tiles<Way>) run_matrix_tiles(rows, columns, work, next);
  else {
    static constexpr auto functions = []<std::size_t... c>(std::index_sequence<c...>) {
      return std::array<std::array<Function, 8>, widest>{of_height<int(c) + 1>()...};
    }(std::make_index_sequence<widest>{});
    functions[size_t(columns - 1)][size_t(rows - 1)](work, next);
  }
}

template <class Element> void Tile<Element>::run_matrix_tiles(int rows, int columns, const Work &work, NextPanel<T> &next) {
  if constexpr (in_matrix_tiles<Way>) {
    TileProducts<T> products;
    const NextPanel<T> none(work.weights);
    for (int first = 0; first < columns; first += 2) {
      const int here = std::min(2, columns - first);
      const T *weights = work.weights + first * L;
      products.clear();
      for (int f = 0; f < work.count; ++f) {
        const Factor<T> &factor = work.factors[f];
        const T *const *const row = factor.rows + work.row;
        products.add(rows, here, row[0] + factor.start, rows > 1 ? row[1] - row[0] : 0, weights, columns * L, factor.depth, first ? none : next);
        weights += factor.depth * columns * L;
        if (first == 0) next.advance(factor.depth);
      }
      products.read();
      for (int r = 0; r < rows; ++r)
        for (int c = 0; c < here; ++c) {
          const V start = load(work.start[r] + work.start_place[first + c]);
          store(work.sums + r * work.step + work.place[first + c], start + load(products.sums[r] + c * L));
        }
    }
  }
}

template <class Element>
template <int C, int R, class Sum>
void Tile<Element>::over_depth(const Factor<T> &factor, int64_t first, const T *weights, NextPanel<T> next, Sums<Sum, C, R> &sums) {
  const T *row[R];
  for (int r = 0; r < R; ++r) row[r] = factor.rows[first + r] + factor.start;
  const int64_t depth = factor.depth;
  const auto at_depth = [&](auto way, int64_t d) GATEWISE_INLINE_LAMBDA {
    V weight[C];
    if constexpr (keeps_busy<R * C>) next.fetch(d);
#pragma GCC unroll 16
    for (int c = 0; c < C; ++c) weight[c] = load(weights + (d * C + c) * L);
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 16
      for (int c = 0; c < C; ++c) sums.at[way][r][c] = Way::multiply(sums.at[way][r][c], row[r] + d, weight[c]);
  };
  int64_t d = 0;
  if constexpr (ways<C, R> == 2)
    for (; d + 1 < depth; d += 2) at_depth(std::integral_constant<int, 0>{}, d), at_depth(std::integral_constant<int, 1>{}, d + 1);
  for (; d < depth; ++d) at_depth(std::integral_constant<int, 0>{}, d);
}

template <class Element> template <int C, int R> void Tile<Element>::run_floats(const Work &work, NextPanel<T> &next) {
  const T *weights = work.weights;
  const Factor<T> *factor = work.factors, *const last = factor + work.count - 1;
  Sums<V, C, R> sums;
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 16
    for (int c = 0; c < C; ++c) sums.at[0][r][c] = load(work.start[r] + work.start_place[c]);
  for (;; ++factor) {
    over_depth<C, R>(*factor, work.row, weights, next, sums);
    next.advance(factor->depth);
    if (factor == last) break;
    weights += factor->depth * C * L;
  }
  T *to[C];
#pragma GCC unroll 16
  for (int c = 0; c < C; ++c) to[c] = work.sums + work.place[c];
  const int64_t step = work.step;
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 16
    for (int c = 0; c < C; ++c) {
      if constexpr (ways<C, R> == 2) sums.at[0][r][c] += sums.at[1][r][c];
      store(to[c] + r * step, sums.at[0][r][c]);
    }
}

// The sums of a factor are integers; times the scales of row and unit they are added to the others.
template <class Element> template <int C, int R> void Tile<Element>::run_integers(const Work &work, NextPanel<T> &next) {
  using Sum = typename Way::Sum;
  const T *weights = work.weights;
  for (int f = 0; f < work.count; ++f) {
    const Factor<T> &factor = work.factors[f];
    Sums<Sum, C, R> sums;
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 16
      for (int c = 0; c < C; ++c) sums.at[0][r][c] = Sum(load(weights + (C + c) * L));
    over_depth<C, R>(factor, work.row, weights + Way::header * C * L, next, sums);
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 16
      for (int c = 0; c < C; ++c) {
        if constexpr (ways<C, R> == 2) sums.at[0][r][c] += sums.at[1][r][c];
        T *const to = work.sums + r * work.step + work.place[c];
        const V product = __builtin_convertvector(sums.at[0][r][c], V) * (factor.rows[work.row + r][factor.depth] * load(weights + c * L));
        store(to, load(f == 0 ? work.start[r] + work.start_place[c] : to) + product);
      }
    weights += (Way::header + factor.depth) * C * L;
    next.advance(factor.depth);
  }
}
#endif

}  // namespace gatewise
