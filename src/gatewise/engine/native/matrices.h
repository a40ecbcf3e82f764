// Products and transposes of small matrices whose rows are whole vectors.
#pragma once

#include <type_traits>
#include <utility>

#include "vector.h"

namespace gatewise {

// The first factor of a product, of which single numbers are read: (r, d) is at from[r * row + d * depth].
template <class T> struct Numbers {
  const T *from;
  int64_t row, depth;
};

// Rows of whole vectors, `step` numbers apart.
template <class T> struct Rows {
  T *from;
  int64_t step;
  operator Rows<const T>() const { return {from, step}; }
};
template <class T> using Given = std::type_identity_t<Rows<const T>>;

// By what the rows of a result are multiplied before a product is added; null for zero, without reading them.
template <class T> struct Kept {
  const T *from = nullptr;
  int64_t step = 0;
};

template <class T, int R, int C>
void product_tile(Numbers<T> a, Given<T> b, int64_t depth, Rows<T> to, Kept<T> kept) {
  Vector<T> sum[R][C] = {};
  for (int64_t d = 0; d < depth; ++d, a.from += a.depth, b.from += b.step) {
    Vector<T> row[C];
#pragma GCC unroll 4
    for (int c = 0; c < C; ++c) row[c] = load(b.from + c * lanes<T>);
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
      for (int c = 0; c < C; ++c) sum[r][c] += broadcast(a.from[r * a.row]) * row[c];
  }
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
    for (int c = 0; c < C; ++c) {
      T *own = to.from + r * to.step + c * lanes<T>;
      store(own, kept.from ? broadcast(kept.from[r * kept.step]) * load(own) + sum[r][c] : sum[r][c]);
    }
}

constexpr int most_rows = GATEWISE_VECTOR_BYTES == 64 ? 8 : 4;  // of a tile, whose sums stay in registers

template <class T, int C, int R = most_rows>
GATEWISE_INLINE void product_rows(int64_t rows, Numbers<T> a, Given<T> b, int64_t depth, Rows<T> to, Kept<T> kept) {
  for (; rows >= R; rows -= R) {
    product_tile<T, R, C>(a, b, depth, to, kept);
    a.from += R * a.row, to.from += R * to.step;
    if (kept.from) kept.from += R * kept.step;
  }
  if constexpr (R > 1)
    if (rows > 0) product_rows<T, C, R / 2>(rows, a, b, depth, to, kept);
}

// to = kept * to + a b, for some rows and whole vectors of columns.
template <class T>
void product(int64_t rows, int64_t columns, int64_t depth, Numbers<T> a, Given<T> b, Rows<T> to, Kept<T> kept = {}) {
  for (; columns >= 2 * lanes<T>; columns -= 2 * lanes<T>) {
    product_rows<T, 2>(rows, a, b, depth, to, kept);
    b.from += 2 * lanes<T>, to.from += 2 * lanes<T>;
  }
  if (columns > 0) product_rows<T, 1>(rows, a, b, depth, to, kept);
}

// One of two rows of a transpose, of rows `half` apart.
template <class T, int half, bool second, int... lane>
GATEWISE_INLINE Vector<T> crossed(Vector<T> a, Vector<T> b, std::integer_sequence<int, lane...>) {
  return shuffled<T, (second ? (lane & half ? lanes<T> + lane : lane + half) : (lane & half ? lanes<T> + lane - half : lane))...>(a, b);
}

template <class T, int half = 1> GATEWISE_INLINE void transpose_square(Vector<T> *rows) {
  constexpr auto lane = std::make_integer_sequence<int, lanes<T>>{};
#pragma GCC unroll 16
  for (int i = 0; i < lanes<T>; ++i)
    if (!(i & half)) {
      const Vector<T> a = rows[i], b = rows[i + half];
      rows[i] = crossed<T, half, false>(a, b, lane), rows[i + half] = crossed<T, half, true>(a, b, lane);
    }
  if constexpr (2 * half < lanes<T>) transpose_square<T, 2 * half>(rows);
}

// to[j][i] = from[i][j], for whole vectors of i and of j; from[i] is taken as zeros from row `rows` on.
template <class T> void transpose(int64_t rows, int64_t columns, Given<T> from, Rows<T> to) {
  for (int64_t i = 0; i < rows; i += lanes<T>)
    for (int64_t j = 0; j < columns; j += lanes<T>) {
      Vector<T> square[lanes<T>];
#pragma GCC unroll 16
      for (int64_t r = 0; r < lanes<T>; ++r) square[r] = i + r < rows ? load(from.from + (i + r) * from.step + j) : Vector<T>{};
      transpose_square<T>(square);
#pragma GCC unroll 16
      for (int64_t r = 0; r < lanes<T>; ++r) store(to.from + (j + r) * to.step + i, square[r]);
    }
}

template <class T> T dot(const T *a, const T *b, int64_t count) {
  Vector<T> sum = {};
  for (int64_t i = 0; i < count; i += lanes<T>) sum += load(a + i) * load(b + i);
  T whole = 0;
  for (int i = 0; i < lanes<T>; ++i) whole += sum[i];
  return whole;
}

}  // namespace gatewise
