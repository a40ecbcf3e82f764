// The matrix memories of a batch, step by step. A memory stays in the caches of one thread from the first step to the last.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "flush.h"
#include "memory_problem.h"
#include "openmp.h"
#include "team.h"
#include "vector.h"

namespace gatewise {

constexpr int64_t turn = 8;    // the steps of a memory before those of the next one, forward
constexpr int64_t chunk = 16;  // the steps between two memories that the backward pass keeps

// One vector of two: the sums of lanes `half` apart, of a where the bit `half` of the lane is 0, of b where it is 1.
template <class T, int half, int... lane>
GATEWISE_INLINE Vector<T> folded(Vector<T> a, Vector<T> b, std::integer_sequence<int, lane...>) {
  constexpr int count = lanes<T>;
  return shuffled<T, (lane & half ? count + lane : lane)...>(a, b) +
         shuffled<T, (lane & half ? count + lane - half : lane + half)...>(a, b);
}

// The sum of the lanes of each of `lanes` vectors; they are overwritten.
template <class T, int half = lanes<T> / 2> GATEWISE_INLINE Vector<T> sums_of(Vector<T> *rows) {
#pragma GCC unroll 8
  for (int i = 0; i < half; ++i) rows[i] = folded<T, half>(rows[i], rows[i + half], std::make_integer_sequence<int, lanes<T>>{});
  if constexpr (half > 1) return sums_of<T, half / 2>(rows);
  else return rows[0];
}

// The memory of one head of one row, for the units `first`, ..., first + columns * lanes: [K, columns] vectors of units.
template <class T, int columns> class MemoryBlock {
 public:
  using V = Vector<T>;
  static constexpr int64_t width = columns * lanes<T>;

  // number: of all blocks of a head, all heads of a row, all rows
  // zeros: a memory of zeros
  MemoryBlock(const MemoryProblem<T> &p, int64_t number, const V *zeros)
      : p(p), zeros(zeros), b(number / count(p) / p.heads), head(number / count(p) % p.heads), first(number % count(p) * width),
        own(std::min(width, p.units - first)) {}

  // The number of blocks of a head.
  static int64_t count(const MemoryProblem<T> &p) { return (p.units + width - 1) / width; }

  void read(const T *from, V *to) const {
    for (int64_t j = 0; j < p.keys; ++j)
      for (int64_t i = 0; i < width; ++i)
        to[j * columns + i / lanes<T>][i % lanes<T>] = i < own ? from[p.memory(b, head) + (first + i) * p.keys + j] : T(0);
  }

  void write(const V *from, T *to) const {
    for (int64_t i = 0; i < own; ++i)
      for (int64_t j = 0; j < p.keys; ++j)
        to[p.memory(b, head) + (first + i) * p.keys + j] = from[j * columns + i / lanes<T>][i % lanes<T>];
  }

  // One step: from the memory before to the memory after, which may be the same.
  template <bool by_key> GATEWISE_INLINE void step(int64_t t, const V *before, V *after, T *y) const {
    const int64_t here = p.of_units(t, b, head), there = p.of_keys(t, b, head);
    fetch(t + ahead, p.units, p.by_head ? p.u : p.a, p.u), fetch(t + ahead, p.keys, p.b, p.k, p.q);
    if (p.resets_at(t, b)) before = zeros;
    V a[columns], u[columns], sum[columns] = {};
    for (int i = 0; i < columns; ++i) {
      a[i] = p.by_head ? broadcast(p.a[p.of_head(t, b, head)]) : part(p.a + here, i);
      u[i] = part(p.u + here, i);
    }
    const T *k = p.k + there, *q = p.q + there, *f = by_key ? p.b + there : nullptr;
    for (int64_t j = 0; j < p.keys; ++j, before += columns, after += columns) {
      const V key = broadcast(k[j]), query = broadcast(q[j]), factor = broadcast(by_key ? f[j] : T(1));
#pragma GCC unroll 8
      for (int i = 0; i < columns; ++i) {
        const V kept = by_key ? a[i] * factor * before[i] : a[i] * before[i];
        after[i] = kept + u[i] * key;
        sum[i] += after[i] * query;
      }
    }
    if (y)
      for (int i = 0; i < columns; ++i) set_part(y + here, i, sum[i]);
  }

  // The gradient through one step. gradient: with respect to the memory after it, then before it
  template <bool by_key> GATEWISE_INLINE void back(int64_t t, const V *before, const V *after, V *gradient) const {
    const int64_t here = p.of_units(t, b, head), there = p.of_keys(t, b, head);
    fetch(t - ahead, p.units, p.a, p.u, p.by_y), fetch(t - ahead, p.keys, p.b, p.k, p.q, p.by_q, p.by_k);
    if (p.resets_at(t, b)) before = zeros;
    V a[columns], u[columns], by_y[columns], by_a[columns] = {}, by_u[columns] = {};
    for (int i = 0; i < columns; ++i) a[i] = part(p.a + here, i), u[i] = part(p.u + here, i), by_y[i] = part(p.by_y + here, i);
    const T *k = p.k + there, *q = p.q + there, *f = by_key ? p.b + there : nullptr;
    V *place = gradient;
    for (int64_t from = 0; from < p.keys; from += lanes<T>) {
      V by_q[lanes<T>], by_k[lanes<T>], by_b[lanes<T>];  // of some keys, by unit; summed over units below
      const int64_t count = std::min<int64_t>(lanes<T>, p.keys - from);
      for (int64_t j = 0; j < count; ++j, before += columns, after += columns, place += columns) {
        const V key = broadcast(k[from + j]), query = broadcast(q[from + j]), factor = broadcast(by_key ? f[from + j] : T(1));
        V of_q = {}, of_k = {}, of_b = {};
#pragma GCC unroll 8
        for (int i = 0; i < columns; ++i) {
          const V old = before[i], now = place[i] + by_y[i] * query, through = now * a[i];
          of_q += by_y[i] * after[i];
          of_k += now * u[i];
          by_u[i] += now * key;
          by_a[i] += by_key ? now * old * factor : now * old;
          if (by_key) of_b += through * old;
          place[i] = by_key ? through * factor : through;
        }
        by_q[j] = of_q, by_k[j] = of_k, by_b[j] = of_b;
      }
      for (int64_t j = count; j < lanes<T>; ++j) by_q[j] = by_k[j] = by_b[j] = V{};
      add_sums(p.by_q + there + from, by_q, count), add_sums(p.by_k + there + from, by_k, count);
      if (by_key) add_sums(p.by_b + there + from, by_b, count);
    }
    for (int i = 0; i < columns; ++i) set_part(p.by_a + here, i, by_a[i]), set_part(p.by_u + here, i, by_u[i]);
    if (p.resets_at(t, b)) std::fill_n(gradient, p.keys * columns, V{});
  }

 private:
  // Vector i of the units of this block, of an array of all units of the head.
  GATEWISE_INLINE V part(const T *units, int i) const { return load_part(units + first + i * lanes<T>, own - i * lanes<T>); }
  GATEWISE_INLINE void set_part(T *units, int i, V values) const {
    store_part(units + first + i * lanes<T>, values, own - i * lanes<T>);
  }

  // Adds the sum of each of `count` vectors to a number.
  static GATEWISE_INLINE void add_sums(T *to, V *rows, int64_t count) {
    store_part(to, load_part(to, count) + sums_of<T>(rows), count);
  }

  // The rows of a head are pages apart from step to step, so that the processor does not fetch them by itself.
  template <class... Array> GATEWISE_INLINE void fetch(int64_t t, int64_t size, const Array *...arrays) const {
    if (t < 0 || t >= p.steps) return;
    for (int64_t j = 0; j < size; j += 64 / int64_t(sizeof(T)))
      (__builtin_prefetch(arrays + p.of_head(t, b, head) * size + j), ...);
  }

  static constexpr int64_t ahead = 4;
  const MemoryProblem<T> &p;
  const V *const zeros;
  const int64_t b, head, first, own;
};

// A thread computes some blocks together, a few steps of each in turn: the same pages have their inputs.
template <class T, int columns, bool by_key> void run_forward(const MemoryProblem<T> &p) {
  using Block = MemoryBlock<T, columns>;
  const int64_t size = p.keys * columns, blocks = p.batch * p.heads * Block::count(p);
  const int64_t group = std::clamp<int64_t>(blocks / p.threads, 1, 16);
  in_region(p.threads, [&](int64_t thread, int64_t threads) {
    const Flush flush;
    std::vector<Vector<T>> memories(size_t(group * size)), zeros(size_t(p.resets ? size : 0));
    const Range own = partition(blocks, thread, threads, group);
    for (int64_t first = own.from; first < own.to; first += group) {
      const int64_t last = std::min(own.to, first + group);
      const auto memory = [&](int64_t i) { return memories.data() + (i - first) * size; };
      for (int64_t i = first; i < last; ++i) Block(p, i, zeros.data()).read(p.initial, memory(i));
      for (int64_t from = 0; from < p.steps; from += turn)
        for (int64_t i = first; i < last; ++i) {
          const Block block(p, i, zeros.data());
          for (int64_t t = from; t < std::min(p.steps, from + turn); ++t) block.template step<by_key>(t, memory(i), memory(i), p.y);
        }
      for (int64_t i = first; i < last; ++i) Block(p, i, zeros.data()).write(memory(i), p.final);
    }
  });
}

// Memories are computed again, from those at every `chunk`th step. The blocks of a head share the gradients of keys, so
// one thread computes all of them.
template <class T, int columns, bool by_key> void run_backward(const MemoryProblem<T> &p) {
  using Block = MemoryBlock<T, columns>;
  const int64_t size = p.keys * columns, chunks = (p.steps + chunk - 1) / chunk;
  in_region(p.threads, [&](int64_t thread, int64_t threads) {
    const Flush flush;
    std::vector<Vector<T>> starts(size_t(chunks * size)), memories(size_t((chunk + 1) * size)), gradient(size_t(size), Vector<T>{});
    const std::vector<Vector<T>> zeros(size_t(p.resets ? size : 0));
    const auto start = [&](int64_t c) { return starts.data() + c * size; };
    const Range own = partition(p.batch * p.heads, thread, threads);
    for (int64_t head = own.from; head < own.to; ++head)
      for (int64_t i = head * Block::count(p); i < (head + 1) * Block::count(p); ++i) {
        const Block block(p, i, zeros.data());
        block.read(p.initial, start(0));
        for (int64_t t = 0; t < (chunks - 1) * chunk; ++t)
          block.template step<by_key>(t, start((t + chunk - 1) / chunk), start(t / chunk + 1), nullptr);
        if (p.by_final) block.read(p.by_final, gradient.data());
        else std::fill(gradient.begin(), gradient.end(), Vector<T>{});
        for (int64_t c = chunks - 1; c >= 0; --c) {
          const int64_t from = c * chunk, to = std::min(p.steps, from + chunk);
          const auto memory = [&](int64_t t) { return memories.data() + (t - from) * size; };
          std::copy_n(start(c), size, memory(from));
          for (int64_t t = from; t < to; ++t) block.template step<by_key>(t, memory(t), memory(t + 1), nullptr);
          for (int64_t t = to - 1; t >= from; --t) block.template back<by_key>(t, memory(t), memory(t + 1), gradient.data());
        }
        block.write(gradient.data(), p.by_initial);
      }
  });
}

// Calls `work` with the number of vectors in a block: no more than a head has units for.
template <class T, class Work> void with_columns(const MemoryProblem<T> &p, const Work &work) {
  if (p.units <= lanes<T>) work.template operator()<1>();
  else if (p.units <= 2 * lanes<T>) work.template operator()<2>();
  else work.template operator()<4>();
}

template <class T> void run_steps_forward(const MemoryProblem<T> &p) {
  with_columns(p, [&]<int columns> {
    if (p.b) run_forward<T, columns, true>(p);
    else run_forward<T, columns, false>(p);
  });
}

template <class T> void run_steps_backward(const MemoryProblem<T> &p) {
  with_columns(p, [&]<int columns> {
    if (p.b) run_backward<T, columns, true>(p);
    else run_backward<T, columns, false>(p);
  });
}

}  // namespace gatewise
