// A cell's parameters in the order of the forward kernel: for each group of units, all its weights consecutively.
#pragma once

#include <atomic>
#include <utility>

#include "fingerprint.h"
#include "int8.h"
#include "problem.h"
#include "team.h"

namespace gatewise {

// Calls work.template operator()<k>() for the stages 0, 1, ... of a cell.
template <class Cell, class Work> void for_each_stage(const Work &work) {
  [&]<std::size_t... k>(std::index_sequence<k...>) {
    (work.template operator()<std::tuple_element_t<k, typename Cell::Stages>, int(k)>(), ...);
  }(std::make_index_sequence<std::tuple_size_v<typename Cell::Stages>>{});
}

// The tile of a stage, which fits into the registers: some rows, and all sums of `blocks` vectors of units.
template <class T, class Stage> struct Shape {
  static constexpr int L = lanes<T>, M = Stage::sums;
  static constexpr int registers = GATEWISE_VECTOR_BYTES == 64 ? 32 : 16;
  static constexpr int blocks = M == 0 || M >= 3 ? 1 : M == 2 ? 2 : 4;
  static constexpr int columns = blocks * (M ? M : 1);
  static constexpr int height = std::max(1, std::min(8, (registers - 2 - columns) / columns));
  static constexpr int64_t group = int64_t(blocks) * L;  // units
};

template <class Element, class Cell> using ProblemOf = Problem<NumberOf<Element>, Cell, WeightOf<Element>>;

template <class Element, class Cell> class Packed {
 public:
  using T = NumberOf<Element>;
  using Way = WayOf<T, Element>;
  using P = ProblemOf<Element, Cell>;
  static constexpr int stages = int(std::tuple_size_v<typename Cell::Stages>);
  static constexpr int parts = Cell::matrices + Cell::biases + Cell::vectors + P::scales;

  Packed(const P &p, void *memory) : p(p) {
    MemoryPool pool(memory);
    mark = pool.take<Fingerprint::Mark>(parts);
    vectors = pool.take<T>(Cell::vectors * p.padded());
    bias = pool.take<T>(Cell::sums * p.padded());
    for_each_stage<Cell>([&]<class Stage, int k> { panels[k] = pool.take<T>(groups<Stage>() * panel_size<Stage>()); });
    bytes = pool.bytes();
  }

  Fingerprint::Mark *mark;  // of each parameter, when packing began
  T *vectors, *bias, *panels[stages];
  int64_t bytes;

  template <class Stage> int64_t groups() const {
    const int64_t group = Shape<T, Stage>::group;
    return (p.width(Stage::width) + group - 1) / group;
  }

  // Numbers in one group's panel, those of one slot, and where in the panel a slot begins.
  template <class Stage> int64_t panel_size() const {
    int64_t size = 0;
    for (const Slot &slot : Stage::slots) size += slot_size<Stage>(slot);
    return size;
  }

  template <class Stage> int64_t slot_size(const Slot &slot) const {
    return (Way::header + depth_of<Way>(p.width(slot.width))) * slot.sums * Shape<T, Stage>::group;
  }

  // Packs; clears `same` if another thread changed the parameters meanwhile.
  void pack(TeamMember &team, std::atomic<bool> &same) {
    for_each_part(team, [&](int part, const void *from, int64_t bytes) { mark[part] = fingerprint(from, bytes); });
    team.wait_for_all();
    if (team.thread == 0) pack_vectors();
    int matrix = 0;
    for_each_stage<Cell>([&]<class Stage, int k> {
      const Range own = partition(groups<Stage>(), team.thread, team.threads);
      for (int64_t g = own.from; g < own.to; ++g) pack_group<Stage>(g, matrix, panels[k] + g * panel_size<Stage>());
      for (const Slot &slot : Stage::slots) matrix += slot.sums;
    });
    team.wait_for_all();
    compare(team, same);
  }

  // Clears `same` if any bit of the parameters has changed since they were packed.
  void compare(TeamMember &team, std::atomic<bool> &same) const {
    for_each_part(team, [&](int part, const void *from, int64_t bytes) {
      if (same.load(std::memory_order_relaxed) && fingerprint(from, bytes) != mark[part])
        same.store(false, std::memory_order_relaxed);
    });
  }

 private:
  const P &p;

  void pack_vectors() {
    const int64_t padded = p.padded();
    std::fill(vectors, vectors + Cell::vectors * padded, T(0));
    std::fill(bias, bias + Cell::sums * padded, T(0));
    for (int k = 0; k < Cell::vectors; ++k)
      if (p.vector[k]) std::copy(p.vector[k], p.vector[k] + p.units, vectors + k * padded);
    for (int k = 0; k < Cell::biases; ++k)
      for (int64_t u = 0; p.bias[k] && u < p.units; ++u) bias[Cell::bias_sum[size_t(k)] * padded + u] += p.bias[k][u];
  }

  // The products from number `matrix` on.
  template <class Stage> void pack_group(int64_t g, int matrix, T *to) const {
    constexpr int L = lanes<T>, blocks = Shape<T, Stage>::blocks;
    const int64_t units = p.width(Stage::width);
    std::vector<T> row;
    for (const Slot &slot : Stage::slots) {
      const int64_t width = p.width(slot.width), depth = Way::header + depth_of<Way>(width);
      const int64_t step = int64_t(blocks) * slot.sums * L;
      row.resize(size_t(depth + L));
      for (int b = 0; b < blocks; ++b)
        for (int k = 0; k < slot.sums; ++k)
          for (int l = 0; l < L; ++l) {
            const int64_t unit = (g * blocks + b) * L + l;
            if (unit < units) pack_unit(matrix + k, unit, width, row.data());
            else std::fill(row.begin(), row.end(), T(0));
            T *at = to + (b * slot.sums + k) * L + l;
            for (int64_t d = 0; d < depth; ++d) at[d * step] = row[size_t(d)];
          }
      matrix += slot.sums;
      to += depth * step;
    }
  }

  void pack_unit(int matrix, int64_t unit, int64_t width, T *to) const {
    const WeightOf<Element> *const row = p.matrix[matrix] + unit * width;
    if constexpr (is_int8<Element>) Way::pack_weights(row, width, p.scale[matrix][unit], to);
    else Way::pack_along(row, width, to);
  }

  static Fingerprint::Mark fingerprint(const void *from, int64_t bytes) { return Fingerprint(from, from ? bytes : 0).mark(); }

  // Calls work(part, from, bytes) for the parameters of this thread.
  template <class Work> void for_each_part(const TeamMember &team, const Work &work) const {
    int part = 0, matrix = 0;
    const auto next = [&](const auto *from, int64_t count) {
      if (part % team.threads == team.thread) work(part, from, count * int64_t(sizeof *from));
      ++part;
    };
    for_each_stage<Cell>([&]<class Stage, int k> {
      for (const Slot &slot : Stage::slots)
        for (int s = 0; s < slot.sums; ++s, ++matrix) {
          next(p.matrix[matrix], p.width(Stage::width) * p.width(slot.width));
          if constexpr (is_int8<Element>) next(p.scale[matrix], p.width(Stage::width));
        }
    });
    for (int k = 0; k < Cell::biases; ++k) next(p.bias[k], p.units);
    for (int k = 0; k < Cell::vectors; ++k) next(p.vector[k], p.units);
  }
};

}  // namespace gatewise
