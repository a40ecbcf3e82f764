// The products of gradients with weights: the gradient with respect to the operands of the weights.
#pragma once

#include "matrix_tiles.h"
#include "operands.h"
#include "packed.h"
#include "prefetch.h"
#include "tiles.h"

namespace gatewise {

// target[r][j] (+)= sum over products k and units u of gradient_k[r][u] * matrix_k[u][j], with heads over those of column j
template <class Element> class Through {
 public:
  using T = NumberOf<Element>;
  using Way = WayOf<T, Element>;
  using V = Vector<T>;
  static constexpr int L = lanes<T>, height = GATEWISE_VECTOR_BYTES == 64 ? 6 : 2;

  // Panels are four vectors wide, or fewer if the width, or a thread's part of it, is smaller.
  template <class P> Through(const P &p, Width kind) : width(p.width(kind)), heads(p.heads_of(kind)), columns(wide_enough(p)) {}

  int64_t size(int64_t products, int64_t units) const { return panels() * products * depth(units) * columns * L; }

  // Packs product k of `products`: its matrix [units, width / heads] is part of every panel.
  void pack(const T *matrix, int64_t units, int products, int k, T *to, const TeamMember &team) const;

  // Columns own.from..own.to of all rows; `limit` columns can be written. Operand k * rows + r is gradient_k[r].
  void run(const Operands<Element> &gradient, int64_t products, int64_t units, const std::vector<T *> &target, const T *packed,
           Range own, bool adds, int64_t limit) const;

 private:
  const int64_t width, heads, columns;

  int64_t head(int64_t panel) const { return panel * columns * L * heads / width; }
  int64_t depth(int64_t units) const { return depth_of<Way>(units / heads); }  // of a panel, which is of one head

  template <class P> int64_t wide_enough(const P &p) const {
    const int64_t parts = p.share_units ? p.threads : 1, vectors = (width + L - 1) / L;
    int64_t wide = 4;
    while (wide > 1 && (parts > 1 ? vectors % (wide * parts) != 0 && vectors < 8 * parts : vectors <= wide / 2)) wide /= 2;
    while (heads > 1 && width / heads % (wide * L) != 0) wide /= 2;
    return wide;
  }

  // Some rows of a matrix as one packed row, padded with zeros.
  void pack_rows(const T *from, int64_t rows, int64_t real, T *to) const {
    T edge[Way::rows][4 * L];
    const T *row[Way::rows];
    for (int r = 0; r < Way::rows; ++r) {
      const int64_t there = r < rows ? real : 0;
      row[r] = from + r * (width / heads);
      if (there == columns * L) continue;
      std::fill(std::copy_n(row[r], there, edge[r]), edge[r] + 4 * L, T(0));
      row[r] = edge[r];
    }
    for (int64_t c = 0; c < columns; ++c) store(to + c * L, Way::pack(row, c * L));
  }

  int64_t panels() const { return (width + columns * L - 1) / (columns * L); }

  template <int C, int R>
  static void tile(const T *const *gradient, int64_t start, int64_t depth, T *const *target, const T *panel, NextPanel<T> next,
                   Range place, bool adds) {
    constexpr int ways = R * C < 8 ? 2 : 1;  // enough sums to keep the multipliers busy
    V sum[ways][R][C] = {};
    const T *from[R];
    for (int r = 0; r < R; ++r) from[r] = gradient[r] + start;
    const auto at_unit = [&](auto way, int64_t u) GATEWISE_INLINE_LAMBDA {
      V w[C];
      if constexpr (keeps_busy<R * C>) next.fetch(u);
#pragma GCC unroll 4
      for (int c = 0; c < C; ++c) w[c] = load(panel + (u * C + c) * L);
#pragma GCC unroll 6
      for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
        for (int c = 0; c < C; ++c) sum[way][r][c] = Way::multiply(sum[way][r][c], from[r] + u, w[c]);
    };
    int64_t u = 0;
    if constexpr (ways == 2)
      for (; u + 1 < depth; u += 2) at_unit(std::integral_constant<int, 0>{}, u), at_unit(std::integral_constant<int, 1>{}, u + 1);
    for (; u < depth; ++u) at_unit(std::integral_constant<int, 0>{}, u);
    const int64_t begin = place.from / (C * L) * (C * L);  // the first panel may begin in the part of another thread
    for (int r = 0; r < R; ++r)
      for (int c = int(place.from - begin) / L; c < C && begin + c * L < place.to; ++c) {
        if constexpr (ways == 2) sum[0][r][c] += sum[1][r][c];
        put(target[r] + begin + c * L, sum[0][r][c], std::min<int64_t>(L, place.to - begin - c * L), adds);
      }
  }

  void run_matrix_tiles(const Operands<Element> &gradient, int64_t products, int64_t units, const std::vector<T *> &target,
                        const T *packed, Range own, bool adds, int64_t limit) const;

  static void put(T *to, V values, int64_t count, bool adds) {
    if (count == L) return store(to, adds ? load(to) + values : values);
    for (int64_t l = 0; l < count; ++l) to[l] = adds ? to[l] + values[l] : values[l];
  }
};

template <class Element>
void Through<Element>::pack(const T *matrix, int64_t units, int products, int k, T *to, const TeamMember &team) const {
  const Range own = partition(panels(), team.thread, team.threads);
  const int64_t wide = columns * L, of_head = units / heads, row = width / heads;
  for (int64_t g = own.from; g < own.to; ++g) {
    T *at = to + (g * products + k) * depth(units) * wide;
    const int64_t column = g * wide - head(g) * row;
    const T *const end = at + depth(units) * wide;
    for (int64_t u = 0; u < of_head; u += Way::rows, at += wide)
      pack_rows(matrix + (head(g) * of_head + u) * row + column, std::min<int64_t>(Way::rows, of_head - u),
                std::min(wide, row - column), at);
    std::fill(at, const_cast<T *>(end), T(0));
  }
}

template <class Element>
void Through<Element>::run(const Operands<Element> &gradient, int64_t products, int64_t units, const std::vector<T *> &target,
                           const T *packed, Range own, bool adds, int64_t limit) const {
  if constexpr (in_matrix_tiles<Way>) return run_matrix_tiles(gradient, products, units, target, packed, own, adds, limit);
  const int64_t rows = int64_t(target.size()), wide = columns * L, deep = depth(units), panel = deep * wide;
  for (int64_t g = own.from / wide; g * wide < own.to; ++g)
    for (int64_t k = 0; k < products; ++k) {
      const T *const at = packed + (g * products + k) * panel;
      NextPanel<T> next(at, at + panel, (g + 1) * wide < own.to || k + 1 < products ? panel : 0);
      in_fixed_tiles<height>(rows, [&]<int R>(int64_t row) {
        const Range place{std::max(g * wide, own.from), std::min({(g + 1) * wide, limit, (own.to + L - 1) / L * L})};
        const auto work = columns == 4 ? tile<4, R> : columns == 2 ? tile<2, R> : tile<1, R>;
        work(gradient.from(k * rows + row), head(g) * deep, deep, &target[size_t(row)], at, next, place, adds || k > 0);
        next.advance(deep);
      });
    }
}

template <class Element>
void Through<Element>::run_matrix_tiles(const Operands<Element> &gradient, int64_t products, int64_t units, const std::vector<T *> &target,
                                        const T *packed, Range own, bool adds, int64_t limit) const {
  if constexpr (in_matrix_tiles<Way>) {
    TileProducts<T> found;
    const int64_t rows = int64_t(target.size()), wide = columns * L, deep = depth(units), panel = deep * wide;
    for (int64_t g = own.from / wide; g * wide < own.to; ++g) {
      const Range place{std::max(g * wide, own.from), std::min({(g + 1) * wide, limit, (own.to + L - 1) / L * L})};
      for (int64_t first = 0; first < columns; first += 2) {
        const int64_t begin = g * wide + first * L;
        const int here = int(std::min<int64_t>(2, columns - first));
        in_tiles(rows, tile_rows, [&](int64_t row, int count) {
          found.clear();
          for (int64_t k = 0; k < products; ++k) {
            const T *const at = packed + (g * products + k) * panel + first * L;
            found.add(count, here, *gradient.from(k * rows + row) + head(g) * deep, gradient.distance(), at, wide, deep, NextPanel<T>(at));
          }
          found.read();
          for (int r = 0; r < count; ++r)
            for (int64_t c = std::max<int64_t>(0, (place.from - begin) / L); c < here && begin + c * L < place.to; ++c)
              put(target[size_t(row + r)] + begin + c * L, load(found.sums[r] + c * L), std::min<int64_t>(L, place.to - begin - c * L), adds);
        });
      }
    }
  }
}

}  // namespace gatewise
