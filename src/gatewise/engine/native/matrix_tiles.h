// Products by the matrix tiles of a processor: 16 rows of bfloat16 pairs, 16 pairs deep, by 16 columns. Before their first use,
// the process has asked the system for them.
#pragma once

#include "bfloat16.h"
#include "prefetch.h"

namespace gatewise {

constexpr int tile_side = 16, tile_rows = 2 * tile_side, tile_columns = 2 * tile_side;  // two by two tiles of sums

// The tiles of a thread are in use while this exists, if products of an element are multiplied by them.
template <class Element> class TilesInUse {
 public:
  TilesInUse();
  ~TilesInUse();
  TilesInUse(const TilesInUse &) = delete;
};

// Sums of `tile_rows` rows and two vectors of columns, in the tiles of the thread.
template <class T> class TileProducts;

#if defined(GATEWISE_MATRIX_TILES) && defined(GATEWISE_PRODUCTS)
template <> class TileProducts<float> {
 public:
  alignas(64) float sums[tile_rows][tile_columns];

  GATEWISE_INLINE void clear() {
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
  }

  // Adds the products of rows, `step` numbers apart, and weights of `wide` numbers at each depth. Rows are read in whole
  // tiles.
  GATEWISE_INLINE void add(int rows, int vectors, const float *row, int64_t step, const float *weights, int64_t wide, int64_t depth,
                           const NextPanel<float> &next) {
    const auto work = rows > tile_side ? (vectors > 1 ? add_tiles<2, 2> : add_tiles<2, 1>) : (vectors > 1 ? add_tiles<1, 2> : add_tiles<1, 1>);
    work(row, step, weights, wide, depth, next);
  }

  // Writes the tiles to `sums`.
  GATEWISE_INLINE void read() {
    constexpr int step = sizeof sums[0];
    _tile_stored(0, sums[0], step);
    _tile_stored(1, sums[0] + tile_side, step);
    _tile_stored(2, sums[tile_side], step);
    _tile_stored(3, sums[tile_side] + tile_side, step);
  }

 private:
  template <int R, int C>
  static void add_tiles(const float *row, int64_t step, const float *weights, int64_t wide, int64_t depth, const NextPanel<float> &next) {
    asm volatile("" ::: "memory");  // GCC does not know that its instructions for tiles read memory
    for (int64_t d = 0; d < depth; d += tile_side) {
      for (int line = 0; line < tile_side; ++line) next.fetch(d + line);
      _tile_loadd(4, row + d, step * 4);
      _tile_loadd(6, weights + d * wide, wide * 4);
      _tile_dpbf16ps(0, 4, 6);
      if constexpr (C == 2) {
        _tile_loadd(7, weights + d * wide + tile_side, wide * 4);
        _tile_dpbf16ps(1, 4, 7);
      }
      if constexpr (R == 2) {
        _tile_loadd(5, row + tile_side * step + d, step * 4);
        _tile_dpbf16ps(2, 5, 6);
        if constexpr (C == 2) _tile_dpbf16ps(3, 5, 7);
      }
    }
  }
};

// 16 vectors as the columns of 16 rows, `step` numbers apart.
inline void store_transposed(const Vector<float> *columns, float *to, int64_t step) {
  __m512i a[16], b[16];
  for (int i = 0; i < 16; ++i) a[i] = __m512i(columns[i]);
  for (int i = 0; i < 16; i += 2) b[i] = _mm512_unpacklo_epi32(a[i], a[i + 1]), b[i + 1] = _mm512_unpackhi_epi32(a[i], a[i + 1]);
  for (int i = 0; i < 16; i += 4)
    for (int j = 0; j < 2; ++j)
      a[i + 2 * j] = _mm512_unpacklo_epi64(b[i + j], b[i + j + 2]), a[i + 2 * j + 1] = _mm512_unpackhi_epi64(b[i + j], b[i + j + 2]);
  // a[4 i + r] has in its block k the numbers of columns 4 i .. 4 i + 3 in row 4 k + r
  for (int r = 0; r < 4; ++r) {
    const __m512i low01 = _mm512_shuffle_i32x4(a[r], a[4 + r], 0x88), high01 = _mm512_shuffle_i32x4(a[r], a[4 + r], 0xdd);
    const __m512i low23 = _mm512_shuffle_i32x4(a[8 + r], a[12 + r], 0x88), high23 = _mm512_shuffle_i32x4(a[8 + r], a[12 + r], 0xdd);
    _mm512_storeu_si512(to + r * step, _mm512_shuffle_i32x4(low01, low23, 0x88));
    _mm512_storeu_si512(to + (4 + r) * step, _mm512_shuffle_i32x4(high01, high23, 0x88));
    _mm512_storeu_si512(to + (8 + r) * step, _mm512_shuffle_i32x4(low01, low23, 0xdd));
    _mm512_storeu_si512(to + (12 + r) * step, _mm512_shuffle_i32x4(high01, high23, 0xdd));
  }
}
#endif

#ifdef GATEWISE_PRODUCTS
template <class Element> TilesInUse<Element>::TilesInUse() {
#ifdef GATEWISE_MATRIX_TILES
  static constexpr struct alignas(64) {
    uint8_t palette = 1, start = 0, unused[14] = {};
    uint16_t bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
    uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
  } shape;
  if (in_matrix_tiles<WayOf<NumberOf<Element>, Element>>) _tile_loadconfig(&shape);
#endif
}

template <class Element> TilesInUse<Element>::~TilesInUse() {
#ifdef GATEWISE_MATRIX_TILES
  if (in_matrix_tiles<WayOf<NumberOf<Element>, Element>>) _tile_release();
#endif
}
#endif

}  // namespace gatewise
