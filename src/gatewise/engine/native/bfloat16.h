// bfloat16, the upper half of a float32: factors of products rounded to it, two in each 32-bit lane, sums in float32.
#pragma once

#include <algorithm>
#include <type_traits>

#include "vector.h"

#if defined(__AVX512BF16__) && defined(__AMX_BF16__) && GATEWISE_VECTOR_BYTES == 64
#define GATEWISE_MATRIX_TILES  // one instruction multiplies and adds tiles of pairs
#endif
// One instruction multiplies and adds a vector of pairs. Without tiles, Intel's is slower than two of float32.
#if defined(__AVX512BF16__) && GATEWISE_VECTOR_BYTES == 64 && \
    (defined(GATEWISE_MATRIX_TILES) || defined(__znver3__) || defined(__znver4__) || defined(__znver5__))
#define GATEWISE_BFLOAT16_PRODUCTS
#endif
#if defined(GATEWISE_PRODUCTS) && defined(__SSE2__)
#include <immintrin.h>  // not where cells are compiled, which it would slow down
#endif

namespace gatewise {

struct Bfloat16 {};  // a tag of the multiplication; its numbers occur in vectors only

template <class Element> using NumberOf = std::conditional_t<std::is_floating_point_v<Element>, Element, float>;

// A vector of the first `count` numbers, at most a whole one, padded with zeros.
template <class T> GATEWISE_INLINE Vector<T> load_some(const T *from, int64_t count) {
  if (count >= lanes<T>) return load(from);
  T values[lanes<T>] = {};
  for (int64_t i = 0; i < count; ++i) values[i] = from[i];
  return load(values);
}

// To the nearest, ties to even: a float32 whose lower half is zero. A NaN stays one, even if its payload is in that half.
GATEWISE_INLINE Vector<float> round_to_bfloat16(Vector<float> values) {
  typedef uint32_t Unsigned __attribute__((vector_size(GATEWISE_VECTOR_BYTES)));
  const Unsigned bits = Unsigned(values), nearest = bits + ((bits >> 16) & 1) + 0x7fff;
  return Vector<float>((values == values ? nearest : bits | 0x400000) & 0xffff0000);
}

// A way of packing and multiplying factors: unchanged, or rounded if no instruction multiplies pairs.
template <class T, class Element> struct Single {
  using Sum = Vector<T>;
  static constexpr int rows = 1;    // of a factor in one packed row
  static constexpr int whole = 1;   // packed rows come in multiples of it
  static constexpr int header = 0;  // rows before the weights of a slot
  static constexpr bool rounds = std::is_same_v<Element, Bfloat16>;

  static GATEWISE_INLINE Vector<T> pack(const T *const *from, int64_t i) {
    if constexpr (rounds) return round_to_bfloat16(load(from[0] + i));
    else return load(from[0] + i);
  }

  static void pack_along(const T *row, int64_t width, T *to) {
    for (int64_t i = 0; i < width; i += lanes<T>) {
      const Vector<T> values = load_some(row + i, width - i);
      if constexpr (rounds) store(to + i, round_to_bfloat16(values));
      else store(to + i, values);
    }
  }

  // *a - 0 instead of 0 + *a: it equals *a for zeros of both signs, and so costs nothing.
  static GATEWISE_INLINE Vector<T> multiply(Vector<T> sum, const T *a, Vector<T> b) { return sum + (*a - Vector<T>{}) * b; }
};

template <class T, class Element> struct WayFor {
  using Way = Single<T, Element>;
};

#ifdef GATEWISE_BFLOAT16_PRODUCTS
// Two numbers in each lane, the first in its lower half. The instructions round to the nearest, ties to even, and take
// numbers too small for a normal float32 as zero.
struct Paired {
  using Sum = Vector<float>;
  static constexpr int rows = 2, header = 0;
#ifdef GATEWISE_MATRIX_TILES
  static constexpr int whole = 16;
#else
  static constexpr int whole = 1;
#endif
  static constexpr bool rounds = true;

  // Of two rows: in each lane a number of one and that of the other.
  static GATEWISE_INLINE Vector<float> pack(const float *const *from, int64_t i);

  // Of one row: its consecutive pairs, padded with zero.
  static void pack_along(const float *row, int64_t width, float *to);

  static GATEWISE_INLINE Vector<float> multiply(Vector<float> sum, const float *a, Vector<float> b);
};

#ifdef GATEWISE_PRODUCTS
GATEWISE_INLINE Bits<float> one_behind_the_other(Vector<float> first, Vector<float> second) {
  return Bits<float>(_mm512_cvtne2ps_pbh(__m512(second), __m512(first)));
}

Vector<float> Paired::pack(const float *const *from, int64_t i) {
  const Bits<float> halves = one_behind_the_other(load(from[0] + i), load(from[1] + i));
  const Bits<float> order = 0x100000 + 0x10001 * Bits<float>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  return Vector<float>(_mm512_permutexvar_epi16(__m512i(order), __m512i(halves)));
}

void Paired::pack_along(const float *row, int64_t width, float *to) {
  constexpr int L = lanes<float>;
  for (; width > 0; width -= 2 * L, row += 2 * L, to += L)
    store(to, Vector<float>(one_behind_the_other(load_some(row, width), load_some(row + L, width - L))));
}

Vector<float> Paired::multiply(Vector<float> sum, const float *a, Vector<float> b) {
  int32_t lane;
  std::memcpy(&lane, a, sizeof lane);
  return Vector<float>(_mm512_dpbf16_ps(__m512(sum), __m512bh(Bits<float>{} + lane), __m512bh(b)));
}
#endif

template <> struct WayFor<float, Bfloat16> {
  using Way = Paired;
};
#endif

template <class T, class Element> using WayOf = typename WayFor<T, Element>::Way;

// Whether rows and weights are multiplied by the matrix tiles of the processor, which take whole tiles.
template <class Way> constexpr bool in_matrix_tiles = Way::whole > 1;

// The length of a packed row of `width` numbers.
template <class Way> constexpr int64_t depth_of(int64_t width) {
  constexpr int64_t unit = int64_t(Way::rows) * Way::whole;
  return (width + unit - 1) / unit * Way::whole;
}

}  // namespace gatewise
