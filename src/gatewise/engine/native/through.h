// The product of some rows with weights, back to what the weights were multiplied with.
#pragma once

#include "packed.h"

namespace gatewise {

// target[r][j] (+)= sum over products k and units u of gradient[r][shift_k + u] * matrix_k[u][j]
template <class T> class Through {
 public:
  using V = Vector<T>;
  static constexpr int L = lanes<T>, height = GATEWISE_VECTOR_BYTES == 64 ? 6 : 2;

  // Panels are four vectors wide, or fewer where the width, or the threads' share of it, has no more.
  template <class P> Through(const P &p, Width kind) : width(p.width(kind)), columns(wide_enough(p)) {}

  int64_t size(int64_t depth) const { return panels() * depth * columns * L; }

  // Product k of `products`: its matrix [units, width] goes into every panel.
  void pack(const T *matrix, int64_t units, int products, int k, T *to, const Team &team) const {
    const Range own = share(panels(), team.thread, team.threads);
    const int64_t wide = columns * L;
    for (int64_t g = own.from; g < own.to; ++g) {
      T *at = to + (g * products + k) * units * wide;
      const int64_t real = std::min(wide, width - g * wide);
      for (int64_t u = 0; u < units; ++u, at += wide) {
        std::copy_n(matrix + u * width + g * wide, real, at);
        std::fill(at + real, at + wide, T(0));
      }
    }
  }

  // Columns own.from..own.to of all rows; `limit` columns can be written.
  void run(const std::vector<const T *> &gradient, const std::vector<T *> &target, const std::vector<int64_t> &shifts,
           int64_t units, const T *packed, Range own, bool adds, int64_t limit) const {
    const int64_t rows = int64_t(gradient.size()), wide = columns * L, panel = int64_t(shifts.size()) * units * wide;
    for (int64_t g = own.from / wide; g * wide < own.to; ++g)
      for (int64_t row = 0, tiles = (rows + height - 1) / height, i = 0; i < tiles; ++i) {
        const int64_t next = rows * (i + 1) / tiles;
        const Range place{g * wide, std::min({(g + 1) * wide, limit, (own.to + L - 1) / L * L})};
        const auto in_height = [&]<int R>() {
          const auto work = columns == 4 ? tile<4, R> : columns == 2 ? tile<2, R> : tile<1, R>;
          work(&gradient[size_t(row)], &target[size_t(row)], shifts, units, packed + g * panel, place, adds);
        };
        dispatch<height>(int(next - row), in_height);
        row = next;
      }
  }

 private:
  const int64_t width, columns;

  template <class P> int64_t wide_enough(const P &p) const {
    const int64_t parts = p.share_units ? p.threads : 1, vectors = (width + L - 1) / L;
    int64_t wide = 4;
    while (wide > 1 && (parts > 1 ? vectors % (wide * parts) != 0 && vectors < 8 * parts : vectors <= wide / 2)) wide /= 2;
    return wide;
  }

  int64_t panels() const { return (width + columns * L - 1) / (columns * L); }

  template <int R, class Work> static void dispatch(int rows, const Work &work) {
    if (rows == R) work.template operator()<R>();
    else if constexpr (R > 1) dispatch<R - 1>(rows, work);
  }

  template <int C, int R>
  static void tile(const T *const *gradient, T *const *target, const std::vector<int64_t> &shifts, int64_t units,
                   const T *panel, Range place, bool adds) {
    constexpr int ways = R * C < 8 ? 2 : 1;  // sums enough to keep the multipliers busy
    V sum[ways][R][C] = {};
    const T *from[R];
    for (const int64_t shift : shifts) {
      for (int r = 0; r < R; ++r) from[r] = gradient[r] + shift;
      const auto at_unit = [&](auto way, int64_t u) GATEWISE_INLINE_LAMBDA {
        V w[C];
#pragma GCC unroll 4
        for (int c = 0; c < C; ++c) w[c] = load(panel + (u * C + c) * L);
#pragma GCC unroll 6
        for (int r = 0; r < R; ++r) {
          const V d = broadcast(from[r][u]);
#pragma GCC unroll 4
          for (int c = 0; c < C; ++c) sum[way][r][c] += d * w[c];
        }
      };
      int64_t u = 0;
      if constexpr (ways == 2)
        for (; u + 1 < units; u += 2) at_unit(std::integral_constant<int, 0>{}, u), at_unit(std::integral_constant<int, 1>{}, u + 1);
      for (; u < units; ++u) at_unit(std::integral_constant<int, 0>{}, u);
      panel += units * C * L;
    }
    for (int r = 0; r < R; ++r) {
      for (int c = 0; c < C && place.from + c * L < place.to; ++c) {
        if constexpr (ways == 2) sum[0][r][c] += sum[1][r][c];
        put(target[r] + place.from + c * L, sum[0][r][c], std::min<int64_t>(L, place.to - place.from - c * L), adds);
      }
    }
  }

  static void put(T *to, V values, int64_t count, bool adds) {
    if (count == L) return store(to, adds ? load(to) + values : values);
    for (int64_t l = 0; l < count; ++l) to[l] = adds ? to[l] + values[l] : values[l];
  }
};

}  // namespace gatewise
