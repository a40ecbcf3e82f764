// The C interface of a compiled cell: one struct of pointers and sizes, for each of the two number types.
#pragma once

#include "along.h"

#define GATEWISE_EXPORT extern "C" __attribute__((visibility("default")))

#define GATEWISE_INTERFACE(T, suffix)                                                                          \
  GATEWISE_EXPORT int64_t lanes_##suffix() { return gatewise::lanes<T>; }                                      \
  GATEWISE_EXPORT int64_t packed_size_##suffix(const gatewise::Problem<T> *p) {                                \
    return gatewise::Along<T, gatewise::Cell>::packed_size(*p);                                                \
  }                                                                                                            \
  GATEWISE_EXPORT void pack_##suffix(const gatewise::Problem<T> *p, T *to) {                                   \
    gatewise::Along<T, gatewise::Cell>::pack(*p, to);                                                          \
  }                                                                                                            \
  GATEWISE_EXPORT void forward_##suffix(const gatewise::Problem<T> *p, const T *packed) {                      \
    gatewise::Along<T, gatewise::Cell>::forward(*p, packed);                                                   \
  }                                                                                                            \
  GATEWISE_EXPORT void backward_##suffix(const gatewise::Problem<T> *p) {                                      \
    gatewise::Along<T, gatewise::Cell>::backward(*p);                                                          \
  }                                                                                                            \
  GATEWISE_EXPORT void product_##suffix(int64_t m, int64_t n, int64_t k, const T *a, int64_t a_row,            \
                                        int64_t a_column, const T *b, int64_t b_row, int64_t b_column, T *c,   \
                                        int64_t c_row, int64_t threads) {                                      \
    gatewise::Product<T>::run(m, n, k, {a, a_row, a_column}, {b, b_row, b_column}, c, c_row, int(threads));    \
  }

GATEWISE_INTERFACE(float, float)
GATEWISE_INTERFACE(double, double)
