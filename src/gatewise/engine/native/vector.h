// A vector of numbers in one register, by the vector types of GCC and Clang: one source for all instruction sets.
// The width in bytes is GATEWISE_VECTOR_BYTES: 64, 32 or 16.
#pragma once

#include <cstdint>
#include <cstring>

#ifndef GATEWISE_VECTOR_BYTES
#if defined(__AVX512F__)
#define GATEWISE_VECTOR_BYTES 64
#elif defined(__AVX2__)
#define GATEWISE_VECTOR_BYTES 32
#else
#define GATEWISE_VECTOR_BYTES 16
#endif
#endif

#define GATEWISE_INLINE inline __attribute__((always_inline))
#define GATEWISE_INLINE_LAMBDA __attribute__((always_inline))

namespace gatewise {

template <class T> struct VectorOf;

template <> struct VectorOf<float> {
  typedef float Values __attribute__((vector_size(GATEWISE_VECTOR_BYTES)));
  typedef int32_t Bits __attribute__((vector_size(GATEWISE_VECTOR_BYTES)));
};

template <> struct VectorOf<double> {
  typedef double Values __attribute__((vector_size(GATEWISE_VECTOR_BYTES)));
  typedef int64_t Bits __attribute__((vector_size(GATEWISE_VECTOR_BYTES)));
};

template <class T> using Vector = typename VectorOf<T>::Values;
template <class T> using Bits = typename VectorOf<T>::Bits;  // a comparison's result: all bits set, or none
template <class T> constexpr int lanes = GATEWISE_VECTOR_BYTES / int(sizeof(T));

template <class T> GATEWISE_INLINE Vector<T> load(const T *from) {
  Vector<T> values;
  std::memcpy(&values, from, sizeof values);
  return values;
}

template <class T> GATEWISE_INLINE void store(T *to, Vector<T> values) { std::memcpy(to, &values, sizeof values); }

// x - 0 is x for each x, and so costs nothing, unlike 0 + x.
template <class T> GATEWISE_INLINE Vector<T> broadcast(T value) { return value - Vector<T>{}; }

template <class T> GATEWISE_INLINE Vector<T> select(Bits<T> where, Vector<T> yes, Vector<T> no) {
  return where ? yes : no;
}

// Up to `count` numbers, then zeros.
template <class T> GATEWISE_INLINE Vector<T> load_part(const T *from, int64_t count) {
  if (count >= lanes<T>) return load(from);
  Vector<T> values = {};
  if (count > 0) std::memcpy(&values, from, size_t(count) * sizeof(T));
  return values;
}

template <class T> GATEWISE_INLINE void store_part(T *to, Vector<T> values, int64_t count) {
  if (count >= lanes<T>) store(to, values);
  else if (count > 0) std::memcpy(to, &values, size_t(count) * sizeof(T));
}

// Lanes of two vectors: those of b are numbered after those of a. GCC has the builtin of Clang since version 12.
template <class T, int... lane> GATEWISE_INLINE Vector<T> shuffled(Vector<T> a, Vector<T> b) {
#if defined(__clang__) || __GNUC__ >= 12
  return __builtin_shufflevector(a, b, lane...);
#else
  return __builtin_shuffle(a, b, Bits<T>{lane...});
#endif
}

}  // namespace gatewise
