// The matrix memories of a batch, step by step: for each head C = (a b^T) * C + u k^T, and y = C q. A memory stays in the
// caches of one thread from the first step to the last. GATEWISE_NUMBER is the type of numbers.
#pragma once

#include <algorithm>
#include <cstdint>
#include <omp.h>
#include <vector>

#include "flush.h"
#include "vector.h"

#define GATEWISE_EXPORT extern "C" __attribute__((visibility("default")))

namespace gatewise {

// Of B rows with `heads` heads of K units and K keys each; H = heads K. All arrays are contiguous.
template <class T> struct MemoryProblem {
  int64_t steps, batch, heads, units, threads;
  const uint8_t *resets;        // [T, B], whether a memory is zeros before the step; or null
  const T *a, *b, *u, *k, *q;   // [T, B, H] by unit, key, unit, key, key; b may be null, for ones
  const T *initial;             // [B, H, K]
  T *y, *final;                 // [T, B, H], [B, H, K]
  const T *by_y, *by_final;     // backward: the gradients of both; by_final may be null
  T *by_a, *by_b, *by_u, *by_k, *by_q, *by_initial;  // [T, B, H] each, [B, H, K]

  bool resets_at(int64_t t, int64_t b) const { return resets && resets[t * batch + b]; }
  int64_t at(int64_t t, int64_t b, int64_t head) const { return ((t * batch + b) * heads + head) * units; }
  int64_t memory(int64_t b, int64_t head) const { return (b * heads + head) * units * units; }
};

template <class T> GATEWISE_INLINE T sum_of(Vector<T> values) {
  T total = 0;
  for (int lane = 0; lane < lanes<T>; ++lane) total += values[lane];
  return total;
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

// The memory of one head of one row, for the units `first`, ..., first + columns * lanes: [K, columns * lanes], units are
// consecutive.
template <class T, int columns> class MemoryBlock {
 public:
  using V = Vector<T>;
  static constexpr int64_t width = columns * lanes<T>;

  MemoryBlock(const MemoryProblem<T> &p, int64_t b, int64_t head, int64_t first)
      : p(p), b(b), head(head), first(first), own(std::min(width, p.units - first)), zeros(size_t(p.resets ? p.units * width : 0), T(0)) {}

  void read(const T *from, T *to) const {
    for (int64_t j = 0; j < p.units; ++j)
      for (int64_t i = 0; i < width; ++i) to[j * width + i] = i < own ? from[p.memory(b, head) + (first + i) * p.units + j] : T(0);
  }

  void write(const T *from, T *to) const {
    for (int64_t i = 0; i < own; ++i)
      for (int64_t j = 0; j < p.units; ++j) to[p.memory(b, head) + (first + i) * p.units + j] = from[j * width + i];
  }

  // One step: from the memory before to the memory after, which may be the same.
  template <bool by_key> GATEWISE_INLINE void step(int64_t t, const T *before, T *after, T *y) const {
    const int64_t here = p.at(t, b, head);
    if (p.resets_at(t, b)) before = zeros.data();
    V a[columns], u[columns], sum[columns] = {};
    for (int i = 0; i < columns; ++i) {
      a[i] = load_part(p.a + here + first + i * lanes<T>, own - i * lanes<T>);
      u[i] = load_part(p.u + here + first + i * lanes<T>, own - i * lanes<T>);
    }
    const T *k = p.k + here, *q = p.q + here, *f = by_key ? p.b + here : nullptr;
    for (int64_t j = 0; j < p.units; ++j) {
#pragma GCC unroll 8
      for (int i = 0; i < columns; ++i) {
        const V old = load(before + j * width + i * lanes<T>);
        const V kept = by_key ? a[i] * f[j] * old : a[i] * old;
        const V now = kept + u[i] * k[j];
        store(after + j * width + i * lanes<T>, now);
        sum[i] += now * q[j];
      }
    }
    if (y)
      for (int i = 0; i < columns; ++i) store_part(y + here + first + i * lanes<T>, sum[i], own - i * lanes<T>);
  }

  // The gradient through one step. gradient: with respect to the memory after it, then before it
  template <bool by_key> GATEWISE_INLINE void back(int64_t t, const T *before, const T *after, T *gradient) const {
    const int64_t here = p.at(t, b, head);
    if (p.resets_at(t, b)) before = zeros.data();
    V a[columns], u[columns], by_y[columns], by_a[columns] = {}, by_u[columns] = {};
    for (int i = 0; i < columns; ++i) {
      const int64_t at = here + first + i * lanes<T>, count = own - i * lanes<T>;
      a[i] = load_part(p.a + at, count), u[i] = load_part(p.u + at, count), by_y[i] = load_part(p.by_y + at, count);
    }
    const T *k = p.k + here, *q = p.q + here, *f = by_key ? p.b + here : nullptr;
    for (int64_t j = 0; j < p.units; ++j) {
      V by_q = {}, by_k = {}, by_b = {};
#pragma GCC unroll 8
      for (int i = 0; i < columns; ++i) {
        T *place = gradient + j * width + i * lanes<T>;
        const V old = load(before + j * width + i * lanes<T>);
        const V own = load(place) + by_y[i] * q[j];
        by_q += by_y[i] * load(after + j * width + i * lanes<T>);
        by_k += own * u[i];
        by_u[i] += own * k[j];
        const V through = own * a[i];
        if (by_key) {
          by_a[i] += own * old * f[j];
          by_b += through * old;
          store(place, through * f[j]);
        } else {
          by_a[i] += own * old;
          store(place, through);
        }
      }
      p.by_q[here + j] += sum_of<T>(by_q);
      p.by_k[here + j] += sum_of<T>(by_k);
      if (by_key) p.by_b[here + j] += sum_of<T>(by_b);
    }
    for (int i = 0; i < columns; ++i) {
      const int64_t at = here + first + i * lanes<T>, count = own - i * lanes<T>;
      store_part(p.by_a + at, by_a[i], count), store_part(p.by_u + at, by_u[i], count);
    }
    if (p.resets_at(t, b)) std::fill_n(gradient, p.units * width, T(0));
  }

 private:
  const MemoryProblem<T> &p;
  const int64_t b, head, first, own;
  const std::vector<T> zeros;
};

template <class T, int columns, bool by_key> void run_forward(const MemoryProblem<T> &p) {
  using Block = MemoryBlock<T, columns>;
  const int64_t blocks = (p.units + Block::width - 1) / Block::width, items = p.batch * p.heads * blocks;
#pragma omp parallel num_threads(int(p.threads))
  {
    const Flush flush;
    std::vector<T> memory(size_t(p.units * Block::width));
#pragma omp for
    for (int64_t item = 0; item < items; ++item) {
      const Block block(p, item / blocks / p.heads, item / blocks % p.heads, item % blocks * Block::width);
      block.read(p.initial, memory.data());
      for (int64_t t = 0; t < p.steps; ++t) block.template step<by_key>(t, memory.data(), memory.data(), p.y);
      block.write(memory.data(), p.final);
    }
  }
}

// Memories are computed again, from those at every `chunk`th step. The blocks of a head share the gradients of keys, so
// one thread computes all of them.
template <class T, int columns, bool by_key> void run_backward(const MemoryProblem<T> &p) {
  using Block = MemoryBlock<T, columns>;
  constexpr int64_t chunk = 16;
  const int64_t size = p.units * Block::width, chunks = (p.steps + chunk - 1) / chunk;
#pragma omp parallel num_threads(int(p.threads))
  {
    const Flush flush;
    std::vector<T> starts(size_t((chunks + 1) * size)), memories(size_t((chunk + 1) * size)), gradient(size_t(size), T(0));
#pragma omp for
    for (int64_t item = 0; item < p.batch * p.heads; ++item)
      for (int64_t first = 0; first < p.units; first += Block::width) {
        const Block block(p, item / p.heads, item % p.heads, first);
        block.read(p.initial, starts.data());
        for (int64_t t = 0; t < (chunks - 1) * chunk; ++t) {
          const T *before = starts.data() + (t + chunk - 1) / chunk * size;
          block.template step<by_key>(t, before, starts.data() + (t / chunk + 1) * size, nullptr);
        }
        if (p.by_final) block.read(p.by_final, gradient.data());
        else std::fill(gradient.begin(), gradient.end(), T(0));
        for (int64_t c = chunks - 1; c >= 0; --c) {
          const int64_t from = c * chunk, to = std::min(p.steps, from + chunk);
          std::copy_n(starts.data() + c * size, size, memories.data());
          for (int64_t t = from; t < to; ++t)
            block.template step<by_key>(t, memories.data() + (t - from) * size, memories.data() + (t - from + 1) * size, nullptr);
          for (int64_t t = to - 1; t >= from; --t)
            block.template back<by_key>(t, memories.data() + (t - from) * size, memories.data() + (t - from + 1) * size, gradient.data());
        }
        block.write(gradient.data(), p.by_initial);
      }
  }
}

// Calls `work` with the number of vectors in a block: no more than a head has units for.
template <class T, class Work> void with_columns(const MemoryProblem<T> &p, const Work &work) {
  if (p.units <= lanes<T>) work.template operator()<1>();
  else if (p.units <= 2 * lanes<T>) work.template operator()<2>();
  else work.template operator()<4>();
}

using Number = GATEWISE_NUMBER;

}  // namespace gatewise

GATEWISE_EXPORT void forward(const gatewise::MemoryProblem<gatewise::Number> *p) {
  gatewise::with_columns(*p, [&]<int columns> {
    if (p->b) gatewise::run_forward<gatewise::Number, columns, true>(*p);
    else gatewise::run_forward<gatewise::Number, columns, false>(*p);
  });
}

// The gradients of keys and queries must be zeros; they are added to.
GATEWISE_EXPORT void backward(const gatewise::MemoryProblem<gatewise::Number> *p) {
  gatewise::with_columns(*p, [&]<int columns> {
    if (p->b) gatewise::run_backward<gatewise::Number, columns, true>(*p);
    else gatewise::run_backward<gatewise::Number, columns, false>(*p);
  });
}
