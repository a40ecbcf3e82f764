// The functions of recurrent cells on vectors. Those that most cells have: no branches, no intrinsics, no need of fused
// multiply-adds. Where the true value is above 1e-30, a result is at most 2 units in the last place (double: 4) from
// the correctly rounded one; below, it may be 0. -ffast-math would break all of this: it removes the rounding by a
// large sum and ignores NaN. The others, at the end, are those of the standard library.
#pragma once

#include <cstdint>
#include <limits>
#include <new>

#include "vector.h"

namespace gatewise {

template <class T> struct Format;

template <> struct Format<float> {
  typedef int32_t Integer;
  static constexpr int mantissa_bits = 23;
  static constexpr int bias = 127;
  // ln 2 in two parts: the high one is so short that its product with an exponent is exact.
  static constexpr float ln2_high = 0x1.62e4p-1f;
  static constexpr float ln2_low = 1.42860677e-6f;
  // Minimax of (exp(r) - 1 - r) / r^2 where |r| <= ln(2) / 2.
  static constexpr float exponential[] = {0.49999994f, 0.16666535f, 0.041668165f, 0.008367472f, 0.0013820335f};
  // Minimax of (log(1 + e) - e) / e^2 where 0 <= e <= 1.
  static constexpr float logarithm[] = {-0.5f,        0.33332866f,   -0.24985206f, 0.19837588f,   -0.15772066f,
                                        0.113900326f, -0.064667515f, 0.023922238f, -0.0041397084f};
};

template <> struct Format<double> {
  typedef int64_t Integer;
  static constexpr int mantissa_bits = 52;
  static constexpr int bias = 1023;
  static constexpr double ln2_high = 0x1.62e42fefa38p-1;
  static constexpr double ln2_low = 5.497923018708371e-14;
  static constexpr double exponential[] = {
      0.5000000000000003,     0.1666666666666649,    0.041666666666589275,   0.008333333333469093,
      0.0013888888929018454,  0.0001984126952215492, 2.4801507366590322e-05, 2.755759912364261e-06,
      2.7625433818414487e-07, 2.498942505489872e-08};
  static constexpr double logarithm[] = {
      -0.5,                   0.3333333333333022,   -0.24999999999459707,  0.19999999967016147,
      -0.16666665662680774,   0.14285696147792196,  -0.12499784692897624,  0.11109318573631852,
      -0.09989055971205758,   0.09040320384952066,  -0.08152011620129977,  0.07178876273803386,
      -0.05975986903056331,   0.04505652514745855,  -0.029324287583543933, 0.015654834412068025,
      -0.006472804588375398,  0.0019223027025165205, -0.00036212989937077473, 3.2342058235390966e-05};
};

template <class T> constexpr T ln2 = T(0.6931471805599453094);
template <class T> constexpr T log2e = T(1.4426950408889634074);
template <class T> constexpr auto sign_bit = std::numeric_limits<typename Format<T>::Integer>::min();

// scale * (c[first] + c[first + 1] x + c[first + 2] x^2 + ...): the scale is folded into the constants.
template <class T, int first = 0, int count>
GATEWISE_INLINE Vector<T> polynomial(const T (&c)[count], Vector<T> x, T scale = 1) {
  if constexpr (first + 1 == count)
    return broadcast(scale * c[first]);
  else
    return polynomial<T, first + 1>(c, x, scale) * x + scale * c[first];
}

// A NaN fails the comparison, so both bounds let it through. GCC makes one min or max of it where the bound is one
// value; a constant that it knows becomes two, so it is laundered.
template <class T> GATEWISE_INLINE Vector<T> at_least(const Vector<T> &bound, Vector<T> x) {
  const Vector<T> limit = *std::launder(&bound);
  return select<T>(x < limit, limit, x);
}

template <class T> GATEWISE_INLINE Vector<T> at_most(const Vector<T> &bound, Vector<T> x) {
  const Vector<T> limit = *std::launder(&bound);
  return select<T>(x > limit, limit, x);
}

// The arguments at which power, below, is 0 and infinite; beyond them it is undefined. They are static because objects
// compiled for different widths must not share them.
template <class T, int shift> static constexpr Vector<T> lowest = Vector<T>{} + (shift - Format<T>::bias) * ln2<T>;
template <class T, int shift> static constexpr Vector<T> highest = Vector<T>{} + (shift + Format<T>::bias + 1) * ln2<T>;

// x as exponent * ln 2 + remainder, |remainder| <= ln(2) / 2, and power = 2^(exponent - shift).
template <class T, int shift> struct Split {
  Vector<T> exponent, power;

  GATEWISE_INLINE explicit Split(Vector<T> x) {
    // Such a large sum has no fraction, and its lowest bits are the exponent field of the power.
    constexpr T magic = T(1.5) / std::numeric_limits<T>::epsilon() + T(Format<T>::bias - shift);
    const Vector<T> sum = x * log2e<T> + magic;
    exponent = sum - magic;
    power = Vector<T>(Bits<T>(sum) << Format<T>::mantissa_bits);
  }
};

// exp(x) for x <= highest<T, 1>. The power is halved and its factor doubled, as results reach past the largest power.
template <class T> GATEWISE_INLINE Vector<T> exponential_below_highest(Vector<T> x) {
  const Vector<T> bounded = at_least<T>(lowest<T, 1>, x);
  const Split<T, 1> split(bounded);
  const Vector<T> remainder = (bounded - split.exponent * Format<T>::ln2_high) - split.exponent * Format<T>::ln2_low;
  const Vector<T> slope = polynomial<T>(Format<T>::exponential, remainder, T(2)) * remainder + T(2);
  return (slope * remainder + T(2)) * split.power;
}

template <class T> GATEWISE_INLINE Vector<T> exponential(Vector<T> x) {
  return exponential_below_highest<T>(at_most<T>(highest<T, 1>, x));
}

template <class T> GATEWISE_INLINE Vector<T> sigmoid(Vector<T> x) { return T(1) / (T(1) + exponential<T>(-x)); }

// (1 - exp(y)) / (1 + exp(y)) at y = -2 |x|: as y is never positive, neither side of the fraction cancels.
template <class T> GATEWISE_INLINE Vector<T> hyperbolic_tangent(Vector<T> x) {
  const Vector<T> half = Vector<T>(Bits<T>(x) | sign_bit<T>);
  const Vector<T> bounded = at_least<T>(lowest<T, 0>, half + half);
  const Split<T, 0> split(bounded);
  // ln 2 needs no second part here: where the exponent makes its error large, the power makes it small.
  const Vector<T> remainder = bounded - split.exponent * ln2<T>;
  const Vector<T> curve = polynomial<T>(Format<T>::exponential, remainder) * remainder;
  const Vector<T> change = curve * remainder + remainder;
  const Vector<T> numerator = (T(1) - split.power) - change * split.power;
  const Vector<T> denominator = (T(1) + split.power) + change * split.power;
  return Vector<T>(Bits<T>(numerator / denominator) | (Bits<T>(x) & sign_bit<T>));
}

template <class T> GATEWISE_INLINE Vector<T> relu(Vector<T> x) { return select<T>(x < T(0), Vector<T>{}, x); }

// max(x, 0) + log(1 + exp(-|x|)); -|x| is a min of floats, as bits would keep GCC from making the bound a max.
template <class T> GATEWISE_INLINE Vector<T> softplus(Vector<T> x) {
  const Vector<T> decay = exponential_below_highest<T>(select<T>(x < -x, x, -x));
  const Vector<T> curve = polynomial<T>(Format<T>::logarithm, decay) * decay;
  return relu<T>(x) + (curve * decay + decay);
}

// The larger of a and b; a NaN in b fails the comparison and is taken, a NaN in a needs one of its own.
template <class T> GATEWISE_INLINE Vector<T> maximum(Vector<T> a, Vector<T> b) {
  return select<T>(a != a, a, select<T>(a > b, a, b));
}

template <class T> GATEWISE_INLINE Vector<T> minimum(Vector<T> a, Vector<T> b) {
  return select<T>(a != a, a, select<T>(a < b, a, b));
}

template <class T> GATEWISE_INLINE Vector<T> log_sigmoid(Vector<T> x) { return -softplus<T>(-x); }

template <class T> GATEWISE_INLINE Vector<T> absolute(Vector<T> x) { return Vector<T>(Bits<T>(x) & ~sign_bit<T>); }

// 1, -1, or x itself where it is zero or NaN.
template <class T> GATEWISE_INLINE Vector<T> sign(Vector<T> x) {
  return select<T>(x > T(0), broadcast<T>(1), select<T>(x < T(0), broadcast<T>(-1), x));
}

// A function of the standard library, number by number.
template <class T, class Function> GATEWISE_INLINE Vector<T> of_each(Vector<T> x, const Function &function) {
  for (int lane = 0; lane < lanes<T>; lane++) x[lane] = function(x[lane]);
  return x;
}

template <class T> GATEWISE_INLINE Vector<T> square_root(Vector<T> x) {
  return of_each<T>(x, [](T one) { return T(sizeof(T) == 4 ? __builtin_sqrtf(float(one)) : __builtin_sqrt(one)); });
}

template <class T> GATEWISE_INLINE Vector<T> logarithm(Vector<T> x) {
  return of_each<T>(x, [](T one) { return T(sizeof(T) == 4 ? __builtin_logf(float(one)) : __builtin_log(one)); });
}

template <class T> GATEWISE_INLINE Vector<T> fraction(Vector<T> x) {
  return x - of_each<T>(x, [](T one) { return T(sizeof(T) == 4 ? __builtin_floorf(float(one)) : __builtin_floor(one)); });
}

template <class T> GATEWISE_INLINE Vector<T> sine(Vector<T> x) {
  return of_each<T>(x, [](T one) { return T(sizeof(T) == 4 ? __builtin_sinf(float(one)) : __builtin_sin(one)); });
}

template <class T> GATEWISE_INLINE Vector<T> cosine(Vector<T> x) {
  return of_each<T>(x, [](T one) { return T(sizeof(T) == 4 ? __builtin_cosf(float(one)) : __builtin_cos(one)); });
}

}  // namespace gatewise
