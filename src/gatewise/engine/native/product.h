// C += A B, blocked for the caches: the products over all steps at once (of the weights and the input in the gradient).
#pragma once

#include <algorithm>
#include <vector>

#include "vector.h"

namespace gatewise {

// A matrix as it lies in memory: element (row, column) is at from[row * row_step + column * column_step].
template <class T> struct Matrix {
  const T *from;
  int64_t row_step, column_step;
};

template <class T> struct Product {
  static constexpr int width = 4 * lanes<T>;                         // columns of a tile
  static constexpr int height = GATEWISE_VECTOR_BYTES == 64 ? 6 : 2;  // rows of a tile, so that it fits the registers
  static constexpr int64_t depth = 256;                              // of a block, so that its panels stay in the cache

  template <int R> static GATEWISE_INLINE void tile(const T *a, const T *b, int64_t k, T *c, int64_t c_step, int64_t columns) {
    Vector<T> sum[R][4] = {};
    for (int64_t d = 0; d < k; ++d) {
      Vector<T> w[4];
#pragma GCC unroll 4
      for (int j = 0; j < 4; ++j) w[j] = load(b + d * width + j * lanes<T>);
#pragma GCC unroll 8
      for (int r = 0; r < R; ++r) {
        const Vector<T> x = broadcast(a[d * height + r]);
#pragma GCC unroll 4
        for (int j = 0; j < 4; ++j) sum[r][j] += x * w[j];
      }
    }
    for (int r = 0; r < R; ++r) {
      if (columns == width) {
#pragma GCC unroll 4
        for (int j = 0; j < 4; ++j) {
          T *to = c + r * c_step + j * lanes<T>;
          store(to, load(to) + sum[r][j]);
        }
      } else {
        T row[width];
        for (int j = 0; j < 4; ++j) store(row + j * lanes<T>, sum[r][j]);
        for (int64_t j = 0; j < columns; ++j) c[r * c_step + j] += row[j];
      }
    }
  }

  // b: [k, n] into panels of `width` columns, the last one filled up with zeros.
  static void pack_b(const Matrix<T> &b, int64_t first, int64_t k, int64_t n, T *to) {
    for (int64_t j = 0; j < n; j += width)
      for (int64_t d = 0; d < k; ++d, to += width) {
        const T *row = b.from + (first + d) * b.row_step + j * b.column_step;
        const int64_t columns = std::min<int64_t>(width, n - j);
        for (int64_t i = 0; i < columns; ++i) to[i] = row[i * b.column_step];
        std::fill(to + columns, to + width, T(0));
      }
  }

  // Rows first..first+rows of a, [rows, k], into a panel of `height` rows.
  static void pack_a(const Matrix<T> &a, int64_t row, int64_t rows, int64_t first, int64_t k, T *to) {
    for (int64_t d = 0; d < k; ++d, to += height) {
      const T *from = a.from + row * a.row_step + (first + d) * a.column_step;
      for (int64_t r = 0; r < height; ++r) to[r] = r < rows ? from[r * a.row_step] : T(0);
    }
  }

  // c [m, n] += a [m, k] b [k, n], rows of c shared among the threads.
  static void run(int64_t m, int64_t n, int64_t k, Matrix<T> a, Matrix<T> b, T *c, int64_t c_step, int threads) {
    const int64_t panels = (n + width - 1) / width, tiles = (m + height - 1) / height;
    std::vector<T> packed(size_t(panels * width * std::min(depth, k)));
    for (int64_t first = 0; first < k; first += depth) {
      const int64_t deep = std::min(depth, k - first);
#pragma omp parallel num_threads(threads)
      {
#pragma omp for schedule(static)
        for (int64_t p = 0; p < panels; ++p) {
          const Matrix<T> part{b.from + p * width * b.column_step, b.row_step, b.column_step};
          pack_b(part, first, deep, std::min<int64_t>(width, n - p * width), packed.data() + p * width * deep);
        }
        std::vector<T> rows(size_t(height * deep));
#pragma omp for schedule(static)
        for (int64_t i = 0; i < tiles; ++i) {
          const int64_t row = i * height, own = std::min<int64_t>(height, m - row);
          pack_a(a, row, own, first, deep, rows.data());
          for (int64_t p = 0; p < panels; ++p) {
            T *to = c + row * c_step + p * width;
            const int64_t columns = std::min<int64_t>(width, n - p * width);
            if (own == height) {
              tile<height>(rows.data(), packed.data() + p * width * deep, deep, to, c_step, columns);
            } else {
              for (int64_t r = 0; r < own; ++r)
                tile<1>(rows.data() + r, packed.data() + p * width * deep, deep, to + r * c_step, c_step, columns);
            }
          }
        }
      }
    }
  }
};

}  // namespace gatewise
