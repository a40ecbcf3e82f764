// The matrix memories of a batch in chunks of steps, for heads that have one factor each. D(t, s) is the product of the
// factors after step s, up to step t; p(t) that of all factors of the chunk up to t; C the memory before the chunk. Then
//   y = (D * Q K^T) U + p * (Q C^T),    C <- p(last) C + U^T (D(last) * K)
// where the rows of Q, K, U and y are steps. Nothing is divided by a factor: it may be zero.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>
#include <vector>

#include "flush.h"
#include "matrices.h"
#include "memory_problem.h"
#include "openmp.h"
#include "team.h"

namespace gatewise {

// The steps of one head of one row, of which some are loaded. Memories are transposed, [deep, wide] numbers by key and unit,
// filled up with zeros to whole vectors of both.
template <class T> class Chunk {
 public:
  using V = Vector<T>;
  static constexpr int64_t length = 16;  // the most steps that are loaded: whole vectors

  explicit Chunk(const MemoryProblem<T> &p)
      : p(p), wide(whole(p.units)), deep(whole(p.keys)), space(size_t((5 * wide + 6 * deep) * length / lanes<T>)) {
    T *free = reinterpret_cast<T *>(space.data());
    const auto take = [&](int64_t columns) { return std::exchange(free, free + columns * length); };
    for (Rows<T> *one : {&u, &y, &by_y}) *one = {take(wide), wide};
    for (Rows<T> *one : {&k, &q, &by_k, &by_q}) *one = {take(deep), deep};
    for (Rows<T> *one : {&u_turned, &by_y_turned}) *one = {take(wide), length};
    for (Rows<T> *one : {&q_turned, &turned}) *one = {take(deep), length};
  }

  void choose(int64_t number) { b = number / p.heads, head = number % p.heads; }
  int64_t size() const { return deep * wide; }  // of a memory

  void read(const T *from, T *memory) {
    V odd = {};
    for (int64_t i = 0; i < p.units; i += lanes<T>) {
      const int64_t rows = std::min<int64_t>(lanes<T>, p.units - i);
      for (int64_t r = 0; r < rows; ++r) load_row(from + p.memory(b, head) + (i + r) * p.keys, p.keys, k, r, odd);
      transpose(rows, deep, k, Rows<T>{memory + i, wide});
    }
  }

  void write(const T *memory, T *to) {
    for (int64_t i = 0; i < p.units; i += lanes<T>) {
      transpose(p.keys, lanes<T>, Rows<const T>{memory + i, wide}, k);
      for (int64_t r = 0; r < std::min<int64_t>(lanes<T>, p.units - i); ++r)
        store_row(k, r, p.keys, to + p.memory(b, head) + (i + r) * p.keys);
    }
  }

  bool resets_at(int64_t t) const { return p.resets_at(t, b); }

  // Loads steps up to `to` or a reset, without queries and gradients unless they are wanted; returns where it ended. Steps
  // that are not finite are loaded one by one: products of a chunk would spread them to the steps before.
  int64_t load_steps(int64_t from, int64_t to, bool queries, bool gradients = false) {
    first = from, count = 1;
    while (from + count < to && !resets_at(from + count)) ++count;
    V odd = {};  // not a number where any number is not finite
    for (int64_t t = 0; t < count; ++t) {
      a[t] = p.a[p.of_head(from + t, b, head)];
      odd += broadcast(a[t]) * T(0);
      load_row(p.u + p.of_units(from + t, b, head), p.units, u, t, odd);
      load_row(p.k + p.of_keys(from + t, b, head), p.keys, k, t, odd);
      if (queries) load_row(p.q + p.of_keys(from + t, b, head), p.keys, q, t, odd);
      if (gradients) load_row(p.by_y + p.of_units(from + t, b, head), p.units, by_y, t, odd);
    }
    bool finite = true;
    for (int i = 0; i < lanes<T>; ++i) finite &= odd[i] == 0;
    if (count > 1 && !finite) return load_steps(from, from + 1, queries, gradients);
    multiply_factors();
    return from + count;
  }

  // The memory after the loaded steps. The keys are overwritten.
  void advance(T *memory) {
    for (int64_t s = 0; s < count; ++s)
      for (int64_t j = 0; j < deep; j += lanes<T>) store(k.from + s * deep + j, load(k.from + s * deep + j) * last[s]);
    product(p.keys, wide, count, by_column(k), u, Rows<T>{memory, wide}, {&p_of[count - 1], 0});
  }

  // The gradients of the loaded steps. before: the memory before them
  // gradient: with respect to the memory after them, then before them
  void back(const T *before, T *gradient) {
    const Numbers<T> memory = {before, wide, 1}, by_memory = {gradient, wide, 1};
    score();
    transpose(count, wide, u, u_turned), transpose(count, wide, by_y, by_y_turned);
    product(count, length, p.units, by_row(u), by_y_turned, by_scores);
    for (int64_t i = 0; i < count * length; i += lanes<T>) store(pairs + i, load(scores.from + i) * load(by_scores.from + i));
    weigh(scores), weigh(by_scores);

    Rows<T> &by_u = y;
    product(count, wide, p.keys, by_row(k), Rows<T>{gradient, wide}, by_u);
    for (int64_t s = 0; s < count; ++s) to_end[s] = dot(u.from + s * wide, by_u.from + s * wide, wide);
    product(count, wide, count, by_row(scores), by_y, by_u, {last.data(), 1});

    product(p.keys, length, p.units, memory, by_y_turned, turned);
    transpose(p.keys, length, turned, by_q);
    for (int64_t t = 0; t < count; ++t) from_start[t] = dot(q.from + t * deep, by_q.from + t * deep, deep);
    product(count, deep, count, by_column(by_scores), k, by_q, {p_of.data(), 1});

    product(p.keys, length, p.units, by_memory, u_turned, turned);
    transpose(p.keys, length, turned, by_k);
    product(count, deep, count, by_row(by_scores), q, by_k, {last.data(), 1});

    back_factors(dot(before, gradient, size()));
    for (int64_t t = 0; t < count; ++t) {
      store_row(by_u, t, p.units, p.by_u + p.of_units(first + t, b, head));
      store_row(by_k, t, p.keys, p.by_k + p.of_keys(first + t, b, head));
      store_row(by_q, t, p.keys, p.by_q + p.of_keys(first + t, b, head));
    }
    for (int64_t t = 0; t < count; ++t)
      for (int64_t j = 0; j < deep; j += lanes<T>) store(q.from + t * deep + j, load(q.from + t * deep + j) * p_of[t]);
    product(p.keys, wide, count, by_column(q), by_y, Rows<T>{gradient, wide}, {&p_of[count - 1], 0});
  }

 private:
  static int64_t whole(int64_t numbers) { return (numbers + lanes<T> - 1) / lanes<T> * lanes<T>; }
  static Numbers<T> by_row(Rows<T> one) { return {one.from, one.step, 1}; }
  static Numbers<T> by_column(Rows<T> one) { return {one.from, 1, one.step}; }

  static GATEWISE_INLINE void load_row(const T *from, int64_t numbers, Rows<T> to, int64_t t, V &odd) {
    V own = {};
    for (int64_t i = 0; i < numbers; i += lanes<T>) {
      const V values = load_part(from + i, numbers - i);
      own += values * T(0);
      store(to.from + t * to.step + i, values);
    }
    odd += own;
  }

  static GATEWISE_INLINE void store_row(Rows<T> from, int64_t t, int64_t numbers, T *to) {
    for (int64_t i = 0; i < numbers; i += lanes<T>) store_part(to + i, load(from.from + t * from.step + i), numbers - i);
  }

  // D(t, s) at [s, t] and whether t is not before s; p(t); D(last, s)
  void multiply_factors() {
    std::fill_n(decay, length * length, T(0)), std::fill_n(from_start.data(), length, T(0));
    for (int64_t s = 0; s < count; ++s) {
      T *row = decay + s * length, so_far = 1;
      row[s] = 1;
      for (int64_t t = s + 1; t < count; ++t) row[t] = so_far *= a[t];
      last[s] = so_far;
    }
    T so_far = 1;
    for (int64_t t = 0; t < count; ++t) p_of[t] = so_far *= a[t];
  }

  // The products of keys s with queries t at [s, t].
  void score() {
    transpose(count, deep, q, q_turned);
    product(count, length, p.keys, by_row(k), q_turned, scores);
  }

  // Times D; what it makes zero stays zero, even beyond the range of T.
  void weigh(Rows<T> pairs) const {
    for (int64_t i = 0; i < count * length; i += lanes<T>) {
      const V weight = load(decay + i);
      store(pairs.from + i, select<T>(weight != V{}, load(pairs.from + i) * weight, V{}));
    }
  }

  // The gradient of factor t is the sum over all r from t on, up to the end, and all s before t, down to the start, of
  // D(r, t) times the product of both gradients of pair r, s (or of the end with s, r with the start) times D(t - 1, s).
  void back_factors(T end) {
    V sums[length / lanes<T>];  // over s, by r
    for (int64_t i = 0; i < length; i += lanes<T>) sums[i / lanes<T>] = load(from_start.data() + i);
    for (int64_t t = 0; t < count; ++t) {
      V found = {};
      for (int64_t i = 0; i < length; i += lanes<T>) {
        V &sum = sums[i / lanes<T>];
        const V weight = load(decay + t * length + i);
        found += select<T>(weight != V{}, weight * sum, V{});
        sum = sum * a[t] + load(pairs + t * length + i);
      }
      T total = last[t] != 0 ? last[t] * end : 0;
      for (int i = 0; i < lanes<T>; ++i) total += found[i];
      p.by_a[p.of_head(first + t, b, head)] = total;
      end = end * a[t] + to_end[t];
    }
  }

  const MemoryProblem<T> &p;
  const int64_t wide, deep;
  std::vector<V> space;
  int64_t b = 0, head = 0, first = 0, count = 0;
  Rows<T> u, y, by_y, k, q, by_k, by_q;                   // of steps
  Rows<T> u_turned, by_y_turned, q_turned, turned;        // of steps in columns
  std::array<T, length> a, p_of, last, from_start, to_end;
  T decay[length * length], pairs[length * length], scores_space[length * length], by_scores_space[length * length];
  Rows<T> scores = {scores_space, length}, by_scores = {by_scores_space, length};
};

// The gradient of some heads in turn, which have their numbers in the same pages. Of each, it keeps the memories at every
// `Chunk<T>::length`th step, and computes those after a reset or a step that is not finite again.
template <class T> class ChunkedGradient {
 public:
  static constexpr int64_t length = Chunk<T>::length;

  ChunkedGradient(const MemoryProblem<T> &p, int64_t most)
      : p(p), chunk(p), size(chunk.size()), chunks((p.steps + length - 1) / length),
        space(size_t(((chunks + 1) * most + length) * size / lanes<T>)), between(reinterpret_cast<T *>(space.data())),
        gradients(between + length * size), starts(gradients + most * size) {}

  // first, last: of all heads of all rows, at most `most`
  void run(int64_t first, int64_t last) {
    const auto each = [&](const auto &work) {
      for (int64_t number = first; number < last; ++number) {
        chunk.choose(number);
        work(gradients + (number - first) * size, starts + (number - first) * chunks * size);
      }
    };
    each([&](T *gradient, T *start) {
      chunk.read(p.initial, start);
      if (p.by_final) chunk.read(p.by_final, gradient);
      else std::fill_n(gradient, size, T(0));
    });
    for (int64_t c = 0; c + 1 < chunks; ++c) each([&](T *, T *start) { advance(c, start + c * size); });
    for (int64_t c = chunks - 1; c >= 0; --c) each([&](T *gradient, T *start) { back(c, start + c * size, gradient); });
    each([&](T *gradient, T *) { chunk.write(gradient, p.by_initial); });
  }

 private:
  // The memory before the next chunk, beside that before this one.
  void advance(int64_t c, T *start) {
    T *memory = start + size;
    std::copy_n(start, size, memory);
    for (int64_t t = c * length; t < (c + 1) * length; chunk.advance(memory)) {
      if (chunk.resets_at(t)) std::fill_n(memory, size, T(0));
      t = chunk.load_steps(t, (c + 1) * length, false);
    }
  }

  void back(int64_t c, const T *start, T *gradient) {
    std::array<int64_t, length + 1> begins;
    const int64_t to = std::min(p.steps, (c + 1) * length);
    int64_t parts = 0;
    for (int64_t t = c * length; t < to;) {
      T *memory = between + parts * size;
      std::copy_n(parts == 0 ? start : memory - size, size, memory);
      if (parts > 0) chunk.advance(memory);
      if (chunk.resets_at(t)) std::fill_n(memory, size, T(0));
      begins[size_t(parts++)] = t;
      t = chunk.load_steps(t, to, true, true);
    }
    begins[size_t(parts)] = to;
    for (int64_t i = parts - 1; i >= 0; --i) {
      const int64_t t = begins[size_t(i)];
      if (i < parts - 1) chunk.load_steps(t, begins[size_t(i) + 1], true, true);
      chunk.back(between + i * size, gradient);
      if (chunk.resets_at(t)) std::fill_n(gradient, size, T(0));
    }
  }

  const MemoryProblem<T> &p;
  Chunk<T> chunk;
  const int64_t size, chunks;
  std::vector<Vector<T>> space;
  T *const between, *const gradients, *const starts;
};

template <class T> void run_chunks_backward(const MemoryProblem<T> &p) {
  const int64_t heads = p.batch * p.heads, most = std::clamp<int64_t>(heads / p.threads, 1, 4);
  in_region(p.threads, [&](int64_t thread, int64_t threads) {
    const Flush flush;
    ChunkedGradient<T> gradient(p, most);
    const Range own = partition(heads, thread, threads, most);
    for (int64_t first = own.from; first < own.to; first += most) gradient.run(first, std::min(own.to, first + most));
  });
}

}  // namespace gatewise
