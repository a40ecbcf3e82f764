// bfloat16, the upper half of a float32: factors of products rounded to it, two in each 32-bit lane, sums in float32.
#pragma once

#include <type_traits>

#include "vector.h"

#if defined(__AVX512BF16__) && GATEWISE_VECTOR_BYTES == 64
#define GATEWISE_BFLOAT16_PRODUCTS
#include <immintrin.h>
#endif

namespace gatewise {

#ifdef GATEWISE_BFLOAT16_PRODUCTS
constexpr bool bfloat16_products = true;  // whether one instruction multiplies and adds a vector of pairs
#else
constexpr bool bfloat16_products = false;
#endif

struct Bfloat16 {};  // names the way of multiplying; its numbers are only ever seen in vectors

// To the nearest, ties to even: a float32 whose lower half is zero. A NaN stays one, though its payload lay in that half.
GATEWISE_INLINE Vector<float> round_to_bfloat16(Vector<float> values) {
  typedef uint32_t Unsigned __attribute__((vector_size(GATEWISE_VECTOR_BYTES)));
  const Unsigned bits = Unsigned(values), nearest = bits + ((bits >> 16) & 1) + 0x7fff;
  return Vector<float>((values == values ? nearest : bits | 0x400000) & 0xffff0000);
}

// In each lane the rounded number of `first` in the lower half, that of `second` in the upper one. Where instructions do it,
// they take numbers too small for a normal float32 as zero, as those of the product do.
GATEWISE_INLINE Bits<float> pair(Vector<float> first, Vector<float> second) {
#ifdef GATEWISE_BFLOAT16_PRODUCTS
  const Bits<float> halves = Bits<float>(_mm512_cvtne2ps_pbh(__m512(second), __m512(first)));
  const Bits<float> order = 0x100000 + 0x10001 * Bits<float>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  return Bits<float>(_mm512_permutexvar_epi16(__m512i(order), __m512i(halves)));
#else
  const Bits<float> lower = Bits<float>(round_to_bfloat16(first)), upper = Bits<float>(round_to_bfloat16(second));
  return ((lower >> 16) & 0xffff) | upper;
#endif
}

// A row of floats to its consecutive pairs, an odd one's last filled up with zero.
inline void pairs(const float *row, int64_t depth, uint32_t *to) {
  typedef uint16_t Halves __attribute__((vector_size(GATEWISE_VECTOR_BYTES / 2)));
  for (; depth > 0; depth -= lanes<float>, row += lanes<float>, to += lanes<float> / 2) {
    const int64_t count = depth < lanes<float> ? depth : lanes<float>;
    Vector<float> values{};
    std::memcpy(&values, row, sizeof(float) * size_t(count));
    const Halves halves = __builtin_convertvector(Bits<float>(round_to_bfloat16(values)) >> 16, Halves);
    std::memcpy(to, &halves, sizeof(uint32_t) * size_t((count + 1) / 2));
  }
}

// sum + a b over both numbers of each lane.
GATEWISE_INLINE Vector<float> multiply_pairs(Vector<float> sum, Bits<float> a, Bits<float> b) {
#ifdef GATEWISE_BFLOAT16_PRODUCTS
  return Vector<float>(_mm512_dpbf16_ps(__m512(sum), __m512bh(a), __m512bh(b)));
#else
  sum += Vector<float>(a & -0x10000) * Vector<float>(b & -0x10000);
  return sum + Vector<float>(a << 16) * Vector<float>(b << 16);
#endif
}

// A way of packing and multiplying factors: numbers as they are, or rounded where no instruction multiplies pairs.
template <class T, class Element> struct Single {
  static constexpr int rows = 1;  // of a factor in one packed row

  static GATEWISE_INLINE Vector<T> pack(const T *const *from, int64_t i) {
    if constexpr (std::is_same_v<Element, Bfloat16>) return round_to_bfloat16(load(from[0] + i));
    else return load(from[0] + i);
  }

  // *a - 0 rather than 0 + *a: only that is *a itself for zeros of both signs, and so costs nothing.
  static GATEWISE_INLINE Vector<T> multiply(Vector<T> sum, const T *a, Vector<T> b) { return sum + (*a - Vector<T>{}) * b; }
};

// Two rows' rounded numbers packed in one row of pairs.
struct Paired {
  static constexpr int rows = 2;

  static GATEWISE_INLINE Vector<float> pack(const float *const *from, int64_t i) {
    return Vector<float>(pair(load(from[0] + i), load(from[1] + i)));
  }

  static GATEWISE_INLINE Vector<float> multiply(Vector<float> sum, const float *a, Vector<float> b) {
    int32_t lane;
    std::memcpy(&lane, a, sizeof lane);
    return multiply_pairs(sum, Bits<float>{} + lane, Bits<float>(b));
  }
};

template <class T, class Element>
using WayOf = std::conditional_t<std::is_same_v<Element, Bfloat16> && bfloat16_products, Paired, Single<T, Element>>;

}  // namespace gatewise
