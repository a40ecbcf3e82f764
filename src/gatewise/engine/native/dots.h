// Products of a single row with weights in the caller's order: each weight is read once, and nothing is packed.
#pragma once

#include <utility>

#include "bfloat16.h"
#include "team.h"

namespace gatewise {

// A row, and the matrix [units, width] of its weights. By head, `width` units multiply the same part of the row.
template <class T> struct Dot {
  const T *row, *matrix;
  int64_t width;
  bool by_head;
};

template <class T> struct Dots {
  using V = Vector<T>;
  static constexpr int L = lanes<T>;

  // sums[u] = start[u] + the products of all rows with the weights of unit u, for the units `own` in whole vectors.
  static void run(const Dot<T> *dots, int count, int64_t units, Range own, const T *start, T *sums);

 private:
  template <int N> static GATEWISE_INLINE V totals(const V *of);
};

#ifdef GATEWISE_PRODUCTS
// The lanes `first`, first + 2, first + 4, ... of two vectors.
template <class T, int first, std::size_t... l>
GATEWISE_INLINE Vector<T> every_second(Vector<T> a, Vector<T> b, std::index_sequence<l...>) {
#if defined(__clang__) || __GNUC__ >= 12
  return __builtin_shufflevector(a, b, (int(2 * l) + first)...);
#else
  return __builtin_shuffle(a, b, Bits<T>{(int(2 * l) + first)...});
#endif
}

// Sums of neighbouring lanes, until the lanes of each of N vectors are L / N sums, one vector after another.
template <class T> template <int N> Vector<T> Dots<T>::totals(const V *of) {
  if constexpr (N == 1) return *of;
  else {
    const V a = totals<N / 2>(of), b = totals<N / 2>(of + N / 2);
    return every_second<T, 0>(a, b, std::make_index_sequence<L>()) + every_second<T, 1>(a, b, std::make_index_sequence<L>());
  }
}

template <class T> void Dots<T>::run(const Dot<T> *dots, int count, int64_t units, Range own, const T *start, T *sums) {
  for (int64_t u = own.from; u < own.to; u += L) {
    V total[L] = {};
    for (const Dot<T> *dot = dots; dot < dots + count; ++dot) {
      const T *weight[L], *const row = dot->row + (dot->by_head ? u / dot->width * dot->width : 0);
      for (int l = 0; l < L; ++l) weight[l] = dot->matrix + std::min(u + l, units - 1) * dot->width;
      int64_t i = 0;
      for (; i + L <= dot->width; i += L) {
        const V values = load(row + i);
#pragma GCC unroll 16
        for (int l = 0; l < L; ++l) total[l] += values * load(weight[l] + i);
      }
      if (i == dot->width) continue;
      const V values = load_some(row + i, dot->width - i);
      for (int l = 0; l < L; ++l) total[l] += values * load_some(weight[l] + i, dot->width - i);
    }
    store(sums + u, load(start + u) + totals<L>(total));
  }
}
#endif

}  // namespace gatewise
