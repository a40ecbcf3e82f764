// int8 weights: each row of a factor is rounded to integers with one scale, and products are summed as integers.
#pragma once

#include "bfloat16.h"

#if (GATEWISE_VECTOR_BYTES == 64 && defined(__AVX512VNNI__)) || (GATEWISE_VECTOR_BYTES == 32 && defined(__AVXVNNI__))
#define GATEWISE_INT8_PRODUCTS  // one instruction multiplies and adds a vector of four bytes each
#endif

namespace gatewise {

struct Int8 {};  // a tag of the multiplication: weights are int8, everything else is float

template <class Element> constexpr bool is_int8 = std::is_same_v<Element, Int8>;
template <class Element> using WeightOf = std::conditional_t<is_int8<Element>, int8_t, NumberOf<Element>>;

// Four bytes in each lane. The instruction takes unsigned activations: 128 is added to them, and taken from the sum.
struct Quads {
  using Activation = uint8_t;
  using Weight = int8_t;
  static constexpr int rows = 4, offset = 128;

  static GATEWISE_INLINE Bits<float> add_product(Bits<float> sum, Bits<float> a, Bits<float> b);
};

// Two numbers of 16 bits in each lane, for processors without that instruction.
struct Halves {
  using Activation = int16_t;
  using Weight = int16_t;
  static constexpr int rows = 2, offset = 0;

  static GATEWISE_INLINE Bits<float> add_product(Bits<float> sum, Bits<float> a, Bits<float> b);
};

// The way of packing and multiplying integers. A packed row of activations is followed by its scale; the weights of a
// slot by unit, after their scales and what a sum of them starts with.
template <class Lane> struct Integers : Lane {
  using Lane::offset, Lane::rows;
  using Activation = typename Lane::Activation;
  using Weight = typename Lane::Weight;
  using Sum = Bits<float>;
  static constexpr bool rounds = true;
  static constexpr int header = 2, whole = 1;

  static void pack_along(const float *row, int64_t width, float *to);

  // The weights of one unit, with zeros in the rest of the last lane.
  static void pack_weights(const int8_t *row, int64_t width, float scale, float *to);

  static GATEWISE_INLINE Sum multiply(Sum sum, const float *a, Vector<float> b);
};

template <> struct WayFor<float, Int8> {
#ifdef GATEWISE_INT8_PRODUCTS
  using Way = Integers<Quads>;
#else
  using Way = Integers<Halves>;
#endif
};

#ifdef GATEWISE_PRODUCTS
// To the nearest, ties to even, by the conversion of the processor: a sum with a large number would be fused with the
// product before it. NaN becomes 0.
GATEWISE_INLINE Bits<float> nearest(Vector<float> values) {
  values = select<float>(values == values, values, Vector<float>{});
#if GATEWISE_VECTOR_BYTES == 64
  return Bits<float>(_mm512_cvtps_epi32(__m512(values)));
#elif GATEWISE_VECTOR_BYTES == 32
  return Bits<float>(_mm256_cvtps_epi32(__m256(values)));
#elif defined(__SSE2__)
  return Bits<float>(_mm_cvtps_epi32(__m128(values)));
#else
  Bits<float> whole;
  for (int l = 0; l < lanes<float>; ++l) whole[l] = int32_t(__builtin_nearbyintf(values[l]));
  return whole;
#endif
}

// A row in integers of -127..127: they are the nearest to value * factor, and times the scale nearly the values again.
// If a value is not finite, all integers are 0 and the scale is not finite, so that products are NaN.
struct Rounding {
  static constexpr int most = 127;
  static constexpr float smallest = 0x1p-100f;  // a row whose values are all below counts as zeros

  float scale, factor;

  Rounding(const float *row, int64_t width) {
    Bits<float> largest{};  // bits are ordered as magnitudes, NaN last
    for (int64_t i = 0; i < width; i += lanes<float>) {
      const Bits<float> magnitude = Bits<float>(load_some(row + i, width - i)) & 0x7fffffff;
      largest = magnitude > largest ? magnitude : largest;
    }
    int32_t bits = 0;
    for (int l = 0; l < lanes<float>; ++l) bits = std::max(bits, int32_t(largest[l]));
    float magnitude;
    std::memcpy(&magnitude, &bits, sizeof bits);
    scale = magnitude / most;
    factor = magnitude >= smallest ? most / magnitude : 0.0f;
  }
};

#ifdef GATEWISE_INT8_PRODUCTS
Bits<float> Quads::add_product(Bits<float> sum, Bits<float> a, Bits<float> b) {
#if GATEWISE_VECTOR_BYTES == 64
  return Bits<float>(_mm512_dpbusd_epi32(__m512i(sum), __m512i(a), __m512i(b)));
#else
  return Bits<float>(_mm256_dpbusd_avx_epi32(__m256i(sum), __m256i(a), __m256i(b)));
#endif
}
#endif

Bits<float> Halves::add_product(Bits<float> sum, Bits<float> a, Bits<float> b) {
#if GATEWISE_VECTOR_BYTES == 64 && defined(__AVX512BW__)
  return sum + Bits<float>(_mm512_madd_epi16(__m512i(a), __m512i(b)));
#elif GATEWISE_VECTOR_BYTES == 32
  return sum + Bits<float>(_mm256_madd_epi16(__m256i(a), __m256i(b)));
#elif GATEWISE_VECTOR_BYTES == 16 && defined(__SSE2__)
  return sum + Bits<float>(_mm_madd_epi16(__m128i(a), __m128i(b)));
#else
  return sum + (a << 16 >> 16) * (b << 16 >> 16) + (a >> 16) * (b >> 16);
#endif
}

template <class Lane> void Integers<Lane>::pack_along(const float *row, int64_t width, float *to) {
  constexpr int L = lanes<float>;
  typedef Activation Narrow __attribute__((vector_size(L * sizeof(Activation))));
  const Rounding rounding(row, width);
  char *at = reinterpret_cast<char *>(to);
  for (int64_t i = 0; i < width; i += L, at += sizeof(Narrow)) {
    const Narrow whole = __builtin_convertvector(nearest(load_some(row + i, width - i) * rounding.factor) + offset, Narrow);
    std::memcpy(at, &whole, sizeof whole);
  }
  to[(width + rows - 1) / rows] = rounding.scale;  // after the last lane, in the room for whole vectors
}

template <class Lane> void Integers<Lane>::pack_weights(const int8_t *row, int64_t width, float scale, float *to) {
  int32_t sum = 0;
  for (int64_t i = 0; i < width; ++i) sum += row[i];
  const int32_t start = -offset * sum;
  to[0] = scale;
  std::memcpy(to + 1, &start, sizeof start);
  for (int64_t i = 0; i < width; i += rows) {
    Weight lane[rows] = {};
    std::copy(row + i, row + std::min(width, i + rows), lane);
    std::memcpy(to + header + i / rows, lane, sizeof lane);
  }
}

template <class Lane> auto Integers<Lane>::multiply(Sum sum, const float *a, Vector<float> b) -> Sum {
  int32_t lane;
  std::memcpy(&lane, a, sizeof lane);
  return Lane::add_product(sum, Sum{} + lane, Sum(b));
}

#ifdef GATEWISE_INT8_PRODUCTS
template struct Integers<Quads>;
#else
template struct Integers<Halves>;
#endif
#endif

}  // namespace gatewise
