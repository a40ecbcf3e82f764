// A cell over a batch of sequences or lattices: step by step, stage by stage, tile by tile.
#pragma once

#include "lattice.h"
#include "normalise.h"
#include "operands.h"
#include "packed.h"
#include "products.h"
#include "slots.h"
#include "tiles.h"

namespace gatewise {

template <class Element, class Cell> class Forward {
 public:
  using T = NumberOf<Element>;
  using Way = WayOf<T, Element>;
  using V = Vector<T>;
  using P = ProblemOf<Element, Cell>;
  using Places = Lattice<Cell::axes>;
  using At = Row<Cell::axes>;
  static constexpr int L = lanes<T>, S = Cell::states;

  // `shared` is memory of all threads: the products of the inputs of some steps, if they are computed ahead.
  Forward(const P &p, const Packed<Element, Cell> &packed, const Places &lattice, TeamMember &team, T *shared)
      : p(p), packed(packed), lattice(lattice), team(team), padded(p.padded()), looked(shared), zeros(size_t(padded), T(0)) {}

  // The number of steps whose input products are computed ahead, and their memory; for sequences only.
  static int64_t chunk(const P &p) { return std::min<int64_t>(p.size[0], std::max<int64_t>(1, 128 / p.batch)); }
  static int64_t shared_size(const P &p) {
    return p.ahead || p.unpacked ? (p.ahead ? chunk(p) : 1) * p.batch * Cell::sums * p.padded() + 4 * L : 0;
  }

  // Runs the steps first..last from the current states.
  void run(int64_t first, int64_t last) {
    for (int64_t s = first; s < last; ++s) {
      if (p.ahead && (s - first) % chunk(p) == 0) look_ahead(s, std::min(s + chunk(p), last));
      begin(s, (s - first) % chunk(p));
      for_each_stage<Cell>([&]<class Stage, int k> { run_stage<Stage, k>(s); });
      for (size_t r = 0; r < rows.size(); ++r) leave(rows[r], steps[r]);
    }
  }

  // The rows of a step, with their inputs and outputs.
  void begin(int64_t s, int64_t looked_at = 0) {
    rows.clear();
    lattice.rows(s, team.rows, rows);
    steps.resize(rows.size());
    numbers.resize(std::max(numbers.size(), rows.size() * Cell::normalisers.size() * 4));
    for (size_t r = 0; r < rows.size(); ++r) steps[r] = step(rows[r], r, looked_at);
  }

  // The final states of empty samples are the initial ones; positions outside a sample are zeros.
  void fill_rest() {
    for (int64_t b = team.rows.from; b < team.rows.to; ++b) {
      for (int q = 0; q < Cell::previous && lattice.length(b, 0) == 0; ++q) copy_own(p.initial[q](0, b), p.final[q], 0, b, q);
      lattice.outside(b, team.member, team.members, [&](int64_t t) {
        for (int k = 0; k < S; ++k)
          if (all_steps(p.state[k])) std::fill_n(p.state[k](t, b), row_of(k), T(0));
        if (p.kept.from && all_steps(p.kept)) std::fill_n(p.kept(t, b), Cell::kept * padded, T(0));
      });
    }
  }

  // A row of a step.
  const T *operand(const At &row, Place place) const {
    switch (place.where) {
      case Operand::input: return p.input(row.t, row.b);
      case Operand::previous: return previous(row, place.index);
      case Operand::state: return p.state[place.index](row.t, row.b);
      default: return p.kept(row.t, row.b) + place.index * padded;
    }
  }

  // The units of a row that this thread computes; the same for all stages of a width.
  static Range units(const P &p, const TeamMember &team, Width width) {
    return partition((p.width(width) + L - 1) / L * L, team.member, team.members, largest_group<Element, Cell>());
  }

  std::vector<At> rows;                // of the step that `begin` was called for last
  std::vector<Step<T, Cell>> steps;

 private:
  const P &p;
  const Packed<Element, Cell> &packed;
  const Places &lattice;
  TeamMember &team;
  const int64_t padded;
  T *const looked;
  const std::vector<T> zeros;
  std::vector<T> numbers;
  Operands<Element> operands;

  bool all_steps(const Rows<T> &rows) const { return rows.ring == -1 || rows.ring + 1 >= lattice.positions; }
  int64_t row_of(int state) const { return (p.width(Cell::state_width[size_t(state)]) + L - 1) / L * L; }

  // The state of predecessor q; at the border of the lattice the initial state, after a reset zeros.
  const T *previous(const At &row, int q) const {
    const auto [state, axis] = Cell::predecessor[size_t(q)];
    if (p.resets_at(row)) return zeros.data();
    if (row.first[axis]) return p.initial[q](row.face[axis], row.b);
    return p.state[state](lattice.before(row, axis), row.b);
  }

  Step<T, Cell> step(const At &row, size_t number, int64_t looked_at) {
    Step<T, Cell> own;
    own.stride = padded;
    own.input = p.input(row.t, row.b);
    for (int k = 0; k < S; ++k) own.state[k] = p.state[k](row.t, row.b);
    for (int q = 0; q < Cell::previous; ++q) own.previous[q] = previous(row, q);
    own.kept = p.kept.from ? p.kept(row.t, row.b) : nullptr;
    for (int k = 0; k < Cell::factors; ++k) own.factors[k] = p.factors[k](row.s, row.b);
    own.vectors = packed.vectors;
    own.start = p.ahead ? looked + (looked_at * p.batch + row.b) * Cell::sums * padded : packed.bias;
    own.numbers = numbers.data() + number * Cell::normalisers.size() * 4;
    return own;
  }

  // The final states at this row.
  void leave(const At &row, const Step<T, Cell> &step) {
    for (int q = 0; q < Cell::previous; ++q) {
      const auto [state, axis] = Cell::predecessor[size_t(q)];
      if (row.last[axis]) copy_own(step.state[state], p.final[q], row.face[axis], row.b, q);
    }
  }

  void copy_own(const T *from, const Rows<T> &to, int64_t t, int64_t b, int q) const {
    if (!to.from) return;
    const Range own = units(p, team, Cell::state_width[size_t(Cell::predecessor[size_t(q)].state)]);
    std::copy(from + own.from, from + own.to, to(t, b) + own.from);
  }

  template <class Stage, int number> void run_stage(int64_t s) {
    const int64_t rows = int64_t(steps.size());
    if (Stage::synchronizes) team.wait_for_team();
    for (int64_t r = 0; r < rows; ++r)
      for (const int k : Stage::normalisers) normalise<T, Cell>(steps[size_t(r)], k, p.units);
    const Range own = units(p, team, Stage::width);
    if constexpr (Stage::sums == 0) {
      for (int64_t r = 0; r < rows; ++r)
        for (int64_t u = own.from; u < own.to; u += L) Stage::forward(nullptr, steps[size_t(r)], u);
    } else {
      if constexpr (!Way::rounds)
        if (p.unpacked) return run_unpacked<Stage, number>(own);
      read_operands<Stage>(rows);
      const Slots<Element, Cell, Stage> slots(p, packed, p.ahead ? Chosen::others : Chosen::all, operands.from(0), rows);
      constexpr int64_t group = Shape<Element, Stage>::group;
      const int64_t first = own.from / group, count = (own.to + group - 1) / group - first;
      for (int64_t i = 0; i < count; ++i) {
        const int64_t g = first + (s % 2 ? count - 1 - i : i);  // back and forth: the last weights are still in the cache
        const int64_t size = packed.template panel_size<Stage>();
        const T *panel = packed.panels[number] + g * size;
        NextPanel<T> next(panel, s % 2 ? panel - size : panel + size, i + 1 < count ? size : 0);
        in_tiles(rows, Shape<Element, Stage>::height, [&](int64_t row, int count) {
          TileSums<Element, Stage> sums;
          slots.run(sums, row, count, g, panel, next, [&](int r) { return steps[size_t(row + r)].start; });
#pragma GCC unroll 2
          for (int r = 0; r < count; ++r) finish<Stage>(sums, r, steps[size_t(row + r)], g);
        });
      }
    }
  }

  // The rows that a stage multiplies: for each slot one per row of the team.
  template <class Stage> void read_operands(int64_t rows) {
    operands.resize(int64_t(Stage::slots.size() * steps.size()), std::max({p.inputs, p.units, p.outputs}));
    for (size_t k = 0; k < Stage::slots.size(); ++k) {
      const Slot &slot = Stage::slots[k];
      if (p.ahead && slot.operand.where == Operand::input) continue;
      for (int64_t r = 0; r < rows; ++r)
        operands.read(int64_t(k * steps.size()) + r, steps[size_t(r)].at(slot.operand), p.width(slot.width));
    }
  }

  // A stage for a few rows, whose weights are in the caller's order.
  template <class Stage, int number> void run_unpacked(const Range &own) const {
    for (size_t r = 0; r < steps.size(); ++r) {
      const Step<T, Cell> &step = steps[r];
      T *const sums = looked + rows[r].b * Cell::sums * padded;
      for (int m = 0; m < Stage::sums; ++m) {
        Dot<T> dots[Stage::slots.size()];
        int count = 0, matrix = first_matrix<number>();
        for (const Slot &slot : Stage::slots) {
          for (int k = 0; k < slot.sums; ++k, ++matrix)
            if (slot.sum[k] == m) dots[count++] = {step.at(slot.operand), p.matrix[matrix], p.depth(slot.width), p.heads_of(slot.width) > 1};
        }
        const int64_t at = (Stage::first_sum + m) * padded;
        Dots<T>::run(dots, count, p.width(Stage::width), own, step.start + at, sums + at);
      }
      for (int64_t u = own.from; u < own.to; u += L) {
        V sum[Stage::sums];
        for (int m = 0; m < Stage::sums; ++m) sum[m] = load(sums + (Stage::first_sum + m) * padded + u);
        Stage::forward(sum, step, u);
      }
    }
  }

  // The number of products of all stages before one.
  template <int number> static constexpr int first_matrix() {
    int count = 0;
    for_each_stage<Cell>([&]<class Stage, int k> {
      for (const Slot &slot : Stage::slots) count += k < number ? slot.sums : 0;
    });
    return count;
  }

  // Calls work(block, unit) for the blocks of a group that have units.
  template <class Stage, class Work> static GATEWISE_INLINE void for_each_block(int64_t group, int64_t units, const Work &work) {
    constexpr int blocks = Shape<Element, Stage>::blocks;
    for (int b = 0; b < blocks && (group * blocks + b) * L < units; ++b) work(b, (group * blocks + b) * L);
  }

  template <class Stage> void finish(const TileSums<Element, Stage> &sums, int r, const Step<T, Cell> &step, int64_t group) const {
    for_each_block<Stage>(group, p.width(Stage::width), [&](int b, int64_t u) {
      V own[Stage::sums];
      for (int m = 0; m < Stage::sums; ++m) own[m] = load(sums.at[r][b][m]);
      Stage::forward(own, step, u);
    });
  }

  // Bias and input products of the steps first..last, for this thread's units.
  void look_ahead(int64_t first, int64_t last) {
    Operands<Element> input;
    std::vector<T *> to;
    input.resize((last - first) * (team.rows.to - team.rows.from), p.inputs);
    for (int64_t s = first; s < last; ++s) {
      rows.clear();
      lattice.rows(s, team.rows, rows);
      for (const At &row : rows) {
        input.read(int64_t(to.size()), p.input(row.t, row.b), p.inputs);
        to.push_back(looked + ((s - first) * p.batch + row.b) * Cell::sums * padded);
      }
    }
    for_each_stage<Cell>([&]<class Stage, int number> {
      if constexpr (Stage::sums > 0) {
        const Range own = units(p, team, Stage::width);
        const Slots<Element, Cell, Stage> slots(p, packed, Chosen::input, input.from(0), 0);
        for (int64_t g = own.from / Shape<Element, Stage>::group; g * Shape<Element, Stage>::group < own.to; ++g) {
          const T *panel = packed.panels[number] + g * packed.template panel_size<Stage>();
          NextPanel<T> none(panel);
          in_tiles(int64_t(to.size()), Shape<Element, Stage>::height, [&](int64_t row, int count) {
            TileSums<Element, Stage> sums;
            slots.run(sums, row, count, g, panel, none, [&](int) { return packed.bias; });
            for (int r = 0; r < count; ++r)
              for_each_block<Stage>(g, padded, [&](int b, int64_t u) {
                for (int m = 0; m < Stage::sums; ++m) store(to[size_t(row + r)] + (Stage::first_sum + m) * padded + u, load(sums.at[r][b][m]));
              });
          });
        }
      }
    });
  }
};

}  // namespace gatewise
