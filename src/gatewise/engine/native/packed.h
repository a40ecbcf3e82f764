// A cell's parameters in the order of the forward kernel: for each group of units, all its weights consecutively.
#pragma once

#include <utility>
#include <vector>

#include "fingerprint.h"
#include "panel.h"
#include "problem.h"
#include "team.h"
#include "tile.h"

namespace gatewise {

// Calls work.template operator()<k>() for the stages 0, 1, ... of a cell.
template <class Cell, class Work> void for_each_stage(const Work &work) {
  [&]<std::size_t... k>(std::index_sequence<k...>) {
    (work.template operator()<std::tuple_element_t<k, typename Cell::Stages>, int(k)>(), ...);
  }(std::make_index_sequence<std::tuple_size_v<typename Cell::Stages>>{});
}

// The tile of a stage: some rows, and all sums of `blocks` vectors of units.
template <class Element, class Stage> struct Shape {
  using Way = WayOf<NumberOf<Element>, Element>;
  static constexpr int M = Stage::sums;
  static constexpr int blocks = M == 0 || M >= 3 ? 1 : M == 2 ? 2 : 4;
  static constexpr int columns = blocks * (M ? M : 1);
  static constexpr int height = in_matrix_tiles<Way> ? 2 * Way::whole : tile_height(columns);
  static constexpr int64_t group = int64_t(blocks) * lanes<NumberOf<Element>>;  // units
};

// The most units in a group of any stage: a multiple of those of the others.
template <class Element, class Cell> constexpr int64_t largest_group() {
  int64_t most = lanes<NumberOf<Element>>;
  for_each_stage<Cell>([&]<class Stage, int k> { most = std::max(most, Shape<Element, Stage>::group); });
  return most;
}

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
    mark = pool.take<Mark>(parts);
    vectors = pool.take<T>(Cell::vectors * p.padded());
    bias = pool.take<T>(Cell::sums * p.padded());
    for_each_stage<Cell>([&]<class Stage, int k> {
      panels[k] = pool.take<T>(p.unpacked ? 0 : groups<Stage>() * panel_size<Stage>());
    });
    bytes = pool.bytes();
  }

  Mark *mark;  // of each parameter, when packing began
  T *vectors, *bias, *panels[stages];
  int64_t bytes;

  template <class Stage> int64_t groups() const {
    const int64_t group = Shape<Element, Stage>::group;
    return (p.width(Stage::width) + group - 1) / group;
  }

  // Numbers in one group's panel, those of one slot, and where in the panel a slot begins.
  template <class Stage> int64_t panel_size() const {
    int64_t size = 0;
    for (const Slot &slot : Stage::slots) size += slot_size<Stage>(slot);
    return size;
  }

  template <class Stage> int64_t slot_size(const Slot &slot) const {
    return (Way::header + depth_of<Way>(p.depth(slot.width))) * slot.sums * Shape<Element, Stage>::group;
  }

  // All that is needed if the weights are unpacked.
  void pack_vectors() {
    const int64_t padded = p.padded();
    std::fill(vectors, vectors + Cell::vectors * padded, T(0));
    std::fill(bias, bias + Cell::sums * padded, T(0));
    for (int k = 0; k < Cell::vectors; ++k)
      if (p.vector[k]) std::copy(p.vector[k], p.vector[k] + p.units, vectors + k * padded);
    for (int k = 0; k < Cell::biases; ++k)
      for (int64_t u = 0; p.bias[k] && u < p.units; ++u) bias[Cell::bias_sum[size_t(k)] * padded + u] += p.bias[k][u];
  }

  // Packs; marks the threads that see parameters which another thread changed meanwhile.
  void pack(TeamMember &team, std::vector<char> &changed) {
    for_each_part(team, [&](int part, const void *from, int64_t bytes) { mark[part] = fingerprint(from, bytes); });
    team.wait_for_all();
    if (team.thread == 0) pack_vectors();
    int matrix = 0;
    for_each_stage<Cell>([&]<class Stage, int k> {
      constexpr int blocks = Shape<Element, Stage>::blocks;
      const int64_t units = p.width(Stage::width);
      const Range own = partition(groups<Stage>(), team.thread, team.threads);
      T *slot_at = panels[k];
      for (const Slot &slot : Stage::slots) {
        const Panel<Element> panel{p.matrix + matrix, p.scale + (P::scales ? matrix : 0), slot.sums, blocks, units, p.depth(slot.width)};
        for (int64_t g = own.from; g < own.to; ++g) panel.pack(g, slot_at + g * panel_size<Stage>());
        slot_at += slot_size<Stage>(slot);
        matrix += slot.sums;
      }
    });
    team.wait_for_all();
    compare(team, changed);
  }

  // Marks the threads that see any bit of the parameters which has changed since they were packed.
  void compare(TeamMember &team, std::vector<char> &changed) const {
    char &own = changed[size_t(team.thread)];
    for_each_part(team, [&](int part, const void *from, int64_t bytes) { own = own || fingerprint(from, bytes) != mark[part]; });
  }

 private:
  const P &p;

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
          next(p.matrix[matrix], p.width(Stage::width) * p.depth(slot.width));
          if constexpr (is_int8<Element>) next(p.scale[matrix], p.width(Stage::width));
        }
    });
    for (int k = 0; k < Cell::biases; ++k) next(p.bias[k], p.units);
    for (int k = 0; k < Cell::vectors; ++k) next(p.vector[k], p.units);
  }
};

}  // namespace gatewise
