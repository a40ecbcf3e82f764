// The sum of the outer products of many pairs of rows: the gradient of weights over all steps.
#pragma once

#include <algorithm>

#include "matrix_tiles.h"

namespace gatewise {

template <class T, class Element = T> struct Outer {
  using Way = WayOf<T, Element>;
  static constexpr int L = lanes<T>;
  static constexpr bool tiles = in_matrix_tiles<Way>;
  static constexpr int height = tiles ? tile_rows : GATEWISE_VECTOR_BYTES == 64 ? 12 : 6;  // rows of a tile: its sums fill the registers
  static constexpr int width = 2 * L;                                  // columns of a tile
  static constexpr int thinnest = 4;                 // rows of C that multiply columns directly from memory
  static constexpr int64_t deep = 4096 / sizeof(T);  // packed rows of a block, many for few passes over C
  static constexpr int64_t tall = tiles ? 4 * height : 8 * height;  // rows of C in a block, whose panels stay in the L2 cache
  static constexpr int64_t wide = 1024;              // columns of C in a block whose panels are used for many rows
  static constexpr int64_t narrow = 4 * width;       // used for one block of rows only
  static constexpr int64_t ahead = 8;                // packed rows prefetched before they are packed

  static constexpr int64_t parts(int64_t size, int64_t part) { return (size + part - 1) / part; }
  static constexpr int64_t up(int64_t size, int64_t unit) { return parts(size, unit) * unit; }
  static constexpr int64_t packed_rows(int64_t depth) { return depth_of<Way>(depth); }

  // One of the two factors, and the part of each of its rows that a thread multiplies.
  struct Factor {
    const T *const *rows;
    int64_t size, first, count;

    Factor(const T *const *from, int64_t all, int64_t unit, int64_t part, int64_t of) : rows(from), size(all) {
      const int64_t units = parts(all, unit);
      first = units * part / of * unit;
      count = std::min(all, units * (part + 1) / of * unit) - first;
    }
  };

  struct Sums {
    T *c;
    int64_t step;
    bool add;
    Sums at(int64_t i, int64_t j) const { return {c + i * step + j, step, add}; }
  };

  // A panel holds W numbers of each packed row; written in whole vectors, whose surplus the next row overwrites.
  template <int W> static int64_t panel(int64_t packed) { return W * packed + up(W, L) - W; }
  template <int W> static int64_t panels(int64_t count, int64_t packed) { return parts(count, W) * panel<W>(packed); }

  // The division of the work among threads: the grid with the least multiplication and packing.
  struct Plan {
    bool turned;                         // whether C's transpose is computed first, which has fewer idle lanes
    int64_t down, across;                // the grid of threads
    int64_t rows = 0, columns = 0;       // of the largest part
    int64_t size_a, size_b, size, step;  // of a thread's scratch memory, and of a row of the transpose in it

    Plan(int64_t m, int64_t n, int64_t depth, int threads) {
      // The cost of idle lanes grows with the depth; that of writing the transpose is constant, about 20 rows of full lanes.
      turned = n <= 10 * L && (up(n, L) - n) * depth > 20 * n;
      if (turned) std::swap(m, n);
      int64_t least = INT64_MAX;
      for (int64_t j = 1; j <= threads; ++j) {
        const int64_t r = parts(m, threads / j), c = up(parts(n, j), L), cost = r * c + 16 * (r + c);
        if (threads % j == 0 && cost < least) least = cost, down = threads / j, across = j, rows = r, columns = c;
      }
      const int64_t packed = std::min(deep, packed_rows(depth));
      size_a = panels<height>(std::min(tall, rows), packed);
      size_b = panels<width>(std::min(wide, columns), packed);
      step = columns + L;  // no power of two, so that rows do not compete for the same cache lines
      size = L + size_a + size_b + (turned ? rows * step : 0);
    }
  };

  // A part of a packed row at an edge, padded with zeros.
  template <int W> static void pack_edge(const T *const *from, int64_t rows, int64_t start, int64_t count, T *to) {
    T edge[Way::rows][up(W, L)] = {};
    const T *edges[Way::rows];
    for (int r = 0; r < Way::rows; ++r) {
      edges[r] = edge[r];
      if (r < rows) std::memcpy(edge[r], from[r] + start, sizeof(T) * size_t(count));
    }
    for (int v = 0; v < W; v += L) store(to + v, Way::pack(edges, v));
  }

  // `depth` rows of a factor, from `first` on, `count` numbers of each, from `start` on.
  template <int W> static void pack(const Factor &factor, int64_t first, int64_t depth, int64_t start, int64_t count, T *to) {
    const int64_t packed = packed_rows(depth);
    const T *const *from = factor.rows + first;
    T *const begin = to;
    for (int64_t d = 0; d < depth; d += Way::rows, from += Way::rows, to += W) {
      for (int64_t r = ahead * Way::rows; r < std::min((ahead + 1) * Way::rows, depth - d); ++r)
        for (int64_t i = 0; i < count; i += 64 / int64_t(sizeof(T))) __builtin_prefetch(from[r] + start + i);
      T *panel_to = to;
      for (int64_t i = 0; i < count; i += W, panel_to += panel<W>(packed)) {
        const int64_t rows = std::min<int64_t>(Way::rows, depth - d), there = factor.size - start - i;
        if (rows < Way::rows || there < up(W, L)) pack_edge<W>(from, rows, start + i, std::min<int64_t>(W, there), panel_to);
        else for (int v = 0; v < W; v += L) store(panel_to + v, Way::pack(from, start + i + v));
      }
    }
    for (int64_t i = 0, d = parts(depth, Way::rows); tiles && i < count; i += W)  // the rest of the last tile
      std::fill(begin + i / W * panel<W>(packed) + d * W, begin + i / W * panel<W>(packed) + packed * W, T(0));
  }

  // The same for the rows of C, whose tiles have the numbers of a row behind each other.
  static void pack_turned(const Factor &factor, int64_t first, int64_t depth, int64_t start, int64_t count, T *to) {
    if constexpr (tiles) {
      const int64_t packed = packed_rows(depth);
      Vector<T> columns[tile_side];
      for (int64_t i = 0; i < up(count, height); i += L)
        for (int64_t d = 0; d < packed; d += tile_side) {
          for (int64_t p = 0; p < tile_side; ++p) {
            const int64_t row = (d + p) * Way::rows, rows = std::min<int64_t>(Way::rows, depth - row);
            const int64_t there = std::min<int64_t>(L, factor.size - start - i);
            const T *const *const from = factor.rows + first + row;
            if (rows <= 0 || i >= count) columns[p] = Vector<T>{};
            else if (rows < Way::rows || there < L) pack_edge<L>(from, rows, start + i, there, reinterpret_cast<T *>(&columns[p]));
            else columns[p] = Way::pack(from, start + i);
          }
          store_transposed(columns, to + i * packed + d, packed);
        }
    }
  }

  static void pack_rows(const Factor &factor, int64_t first, int64_t depth, int64_t start, int64_t count, T *to) {
    if constexpr (tiles) pack_turned(factor, first, depth, start, count, to);
    else pack<height>(factor, first, depth, start, count, to);
  }

  // The vectors of columns, for one packed row after another: from a panel, or from the rows of the factor.
  struct Panel {
    const T *from;
    GATEWISE_INLINE Vector<T> operator()(int v) const { return load(from + v * L); }
    GATEWISE_INLINE void next() { from += width; }
  };

  struct Straight {
    const T *const *from;
    int64_t start;
    GATEWISE_INLINE Vector<T> operator()(int v) const { return Way::pack(from, start + v * L); }
    GATEWISE_INLINE void next() { from += Way::rows; }
  };

  template <int R, int V, class B> static void tile(const T *a, B b, int64_t packed, Sums sums, int64_t columns) {
    for (int r = 0; r < R; ++r)
      for (int v = 0; v < V; ++v) __builtin_prefetch(sums.c + r * sums.step + v * L, 1);
    Vector<T> sum[R][V] = {};
    for (int64_t d = 0; d < packed; ++d, a += height, b.next()) {
      Vector<T> w[V];
#pragma GCC unroll 8
      for (int v = 0; v < V; ++v) w[v] = b(v);
#pragma GCC unroll 12
      for (int r = 0; r < R; ++r)
#pragma GCC unroll 8
        for (int v = 0; v < V; ++v) sum[r][v] = Way::multiply(sum[r][v], a + r, w[v]);
    }
    const bool whole = columns == V * L;
#pragma GCC unroll 12
    for (int r = 0; r < R; ++r, sums.c += sums.step) {
      T row[V * L] = {}, *to = whole ? sums.c : row;
      if (!whole && sums.add) std::memcpy(row, sums.c, sizeof(T) * size_t(columns));
#pragma GCC unroll 8
      for (int v = 0; v < V; ++v) store(to + v * L, sums.add ? load(to + v * L) + sum[r][v] : sum[r][v]);
      if (!whole) std::memcpy(sums.c, row, sizeof(T) * size_t(columns));
    }
  }

  template <int R = height> static void tile_of(int64_t rows, int64_t columns, const T *a, const T *b, int64_t packed, Sums sums) {
    if constexpr (R > 1)
      if (rows < R) return tile_of<R - 1>(rows, columns, a, b, packed, sums);
    if (columns > L) tile<R, 2>(a, Panel{b}, packed, sums, std::min<int64_t>(columns, width));
    else tile<R, 1>(a, Panel{b}, packed, sums, columns);
  }

  // A block of C from its packed factors, by matrix tiles.
  static void block_of_tiles(int64_t rows, int64_t columns, const T *a, const T *b, int64_t packed, Sums sums) {
    if constexpr (tiles) {
      TileProducts<T> found;
      for (int64_t j = 0; j < columns; j += width, b += panel<width>(packed))
        for (int64_t i = 0; i < rows; i += height) {
          const int64_t down = std::min<int64_t>(height, rows - i), across = std::min<int64_t>(width, columns - j);
          found.clear();
          found.add(int(down), across > L ? 2 : 1, a + i * packed, packed, b, width, packed, NextPanel<T>(b));
          found.read();
          for (int64_t r = 0; r < down; ++r) {
            T *const to = sums.at(i + r, j).c;
            for (int64_t c = 0; c < across; ++c) to[c] = sums.add ? to[c] + found.sums[r][c] : found.sums[r][c];
          }
        }
    }
  }

  // A block of C from its packed factors.
  static void block(int64_t rows, int64_t columns, const T *a, const T *b, int64_t packed, Sums sums) {
    if constexpr (tiles) return block_of_tiles(rows, columns, a, b, packed, sums);
    for (int64_t j = 0; j < columns; j += width, b += panel<width>(packed))
      for (int64_t i = 0; i < rows; i += height)
        tile_of(rows - i, columns - j, a + panels<height>(i, packed), b, packed, sums.at(i, j));
  }

  // For so few rows that packing the columns would take longer than multiplying them. Returns the number of computed rows.
  template <int R = thinnest>
  static int64_t thin(int64_t rows, int64_t columns, const T *a, Straight b, int64_t packed, Sums sums) {
    if constexpr (R > 1)
      if (rows < R) return thin<R - 1>(rows, columns, a, b, packed, sums);
    constexpr int V = R <= height / 4 ? 8 : R <= height / 2 ? 4 : 2;
    const int64_t whole = columns - columns % (V * L);
    for (int64_t j = 0; j < whole; j += V * L, b.start += V * L) tile<R, V>(a, b, packed, sums.at(0, j), V * L);
    return whole;
  }

  // A thread's part of C.
  static void multiply(const Factor &rows, const Factor &columns, int64_t depth, Sums sums, T *a, T *b) {
    const bool once = rows.count <= tall;
    const int64_t blocks = parts(depth, deep * Way::rows), most = blocks > 1 ? up(parts(depth, blocks), Way::rows * Way::whole) : depth;
    int64_t first = 0;
    do {
      const int64_t here = std::min(most, depth - first), packed = packed_rows(here);
      if (once) pack_rows(rows, first, here, rows.first, rows.count, a);
      int64_t j = 0;
      if constexpr (!tiles)
        if (rows.count <= thinnest && here % Way::rows == 0)
          j = thin(rows.count, columns.count, a, {columns.rows + first, columns.first}, packed, sums);
      for (int64_t across; j < columns.count; j += across) {
        across = std::min(once ? narrow : wide, columns.count - j);
        pack<width>(columns, first, here, columns.first + j, across, b);
        for (int64_t i = 0; i < rows.count; i += tall) {
          const int64_t down = std::min(tall, rows.count - i);
          if (!once) pack_rows(rows, first, here, rows.first + i, down, a);
          block(down, across, a, b, packed, sums.at(i, j));
        }
      }
      sums.add = true;
      first += most;
    } while (first < depth);
  }

  // The numbers of scratch memory of `run`.
  static int64_t scratch(int64_t m, int64_t n, int64_t depth, int threads) { return threads * Plan(m, n, depth, threads).size; }

  // c [m, n] (+)= the sum over d of left[d][i] right[d][j]. Each thread of a team calls it, without waiting.
  static void run(int64_t m, int64_t n, int64_t depth, const T *const *left, const T *const *right, T *c, int64_t c_step, bool add,
                  T *scratch, int thread, int threads);
};

template <class T, class Element>
void Outer<T, Element>::run(int64_t m, int64_t n, int64_t depth, const T *const *left, const T *const *right, T *c, int64_t c_step,
                            bool add, T *scratch, int thread, int threads) {
  const Plan plan(m, n, depth, threads);
  if (plan.turned) std::swap(left, right), std::swap(m, n);
  const Factor rows(left, m, 1, thread % plan.down, plan.down), columns(right, n, L, thread / plan.down, plan.across);
  if (rows.count == 0 || columns.count == 0) return;
  T *own = scratch + thread * plan.size;
  T *b = own + (-intptr_t(own) & (GATEWISE_VECTOR_BYTES - 1)) / intptr_t(sizeof(T));
  T *a = b + plan.size_b, *turned = a + plan.size_a;
  if (!plan.turned) return multiply(rows, columns, depth, Sums{c, c_step, add}.at(rows.first, columns.first), a, b);
  multiply(rows, columns, depth, {turned, plan.step, false}, a, b);
  c += columns.first * c_step + rows.first;
  for (int64_t i = 0; i < columns.count; ++i)
    for (int64_t j = 0; j < rows.count; ++j)
      c[i * c_step + j] = turned[j * plan.step + i] + (add ? c[i * c_step + j] : 0);
}

}  // namespace gatewise
