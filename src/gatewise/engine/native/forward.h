// A cell over a batch of sequences or lattices: step by step, stage by stage, tile by tile.
#pragma once

#include "lattice.h"
#include "normalise.h"
#include "operands.h"
#include "packed.h"
#include "prefetch.h"
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
  static int64_t shared_size(const P &p) { return p.ahead ? chunk(p) * p.batch * Cell::sums * p.padded() : 0; }

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
    int64_t piece = L;
    for_each_stage<Cell>([&]<class Stage, int k> { piece = std::max(piece, Shape<T, Stage>::group); });
    return partition((p.width(width) + L - 1) / L * L, team.member, team.members, piece);
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
      read_operands<Stage>(rows);
      constexpr int64_t group = Shape<T, Stage>::group;
      const int64_t first = own.from / group, count = (own.to + group - 1) / group - first;
      for (int64_t i = 0; i < count; ++i) {
        const int64_t g = first + (s % 2 ? count - 1 - i : i);  // back and forth: the last weights are still in the cache
        const int64_t size = packed.template panel_size<Stage>();
        const T *panel = packed.panels[number] + g * size;
        NextPanel<T> next(panel, s % 2 ? panel - size : panel + size, i + 1 < count ? size : 0);
        in_tiles<Shape<T, Stage>::height>(rows, [&]<int R>(int64_t row) { tile<Stage, R>(row, panel, g, next); });
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

  // Few rows have too few sums to keep the multipliers busy: then every second depth has separate sums.
  template <class Stage, int R> static constexpr int ways = R * Shape<T, Stage>::columns < 8 ? 2 : 1;

  template <class Stage, int R> struct Sums {
    V at[ways<Stage, R>][Shape<T, Stage>::blocks][Stage::sums][R] = {};
  };

  // Adds the products of R rows of a slot with its weights to its sums to(way, b, k, r).
  template <class Stage, int slot, int R, class To>
  static GATEWISE_INLINE void over_depth(const T *const *from, int64_t depth, const T *w, NextPanel<T> next, const To &to) {
    constexpr int K = Stage::slots[slot].sums, blocks = Shape<T, Stage>::blocks, W = ways<Stage, R>;
    const T *row[R];
    std::copy_n(from, R, row);
    const auto at_depth = [&](auto way, int64_t d) GATEWISE_INLINE_LAMBDA {
      V weight[blocks][K];
      if constexpr (is_high<R, Shape<T, Stage>::height>) next.fetch(d);
#pragma GCC unroll 16
      for (int b = 0; b < blocks; ++b)
#pragma GCC unroll 16
        for (int k = 0; k < K; ++k) weight[b][k] = load(w + (d * blocks * K + b * K + k) * L);
#pragma GCC unroll 16
      for (int r = 0; r < R; ++r) {
#pragma GCC unroll 16
        for (int b = 0; b < blocks; ++b)
#pragma GCC unroll 16
          for (int k = 0; k < K; ++k) {
            typename Way::Sum &sum = to(way, b, k, r);
            sum = Way::multiply(sum, row[r] + d, weight[b][k]);
          }
      }
    };
    int64_t d = 0;
    if constexpr (W == 2)
      for (; d + 1 < depth; d += 2) at_depth(std::integral_constant<int, 0>{}, d), at_depth(std::integral_constant<int, 1>{}, d + 1);
    for (; d < depth; ++d) at_depth(std::integral_constant<int, 0>{}, d);
  }

  template <class Stage, int slot, int R>
  static GATEWISE_INLINE void multiply(Sums<Stage, R> &sum, const T *const *from, int64_t depth, const T *w, NextPanel<T> next) {
    if constexpr (is_int8<Element>) multiply_integers<Stage, slot, R>(sum, from, depth, w, next);
    else
      over_depth<Stage, slot, R>(from, depth, w, next, [&](int way, int b, int k, int r) GATEWISE_INLINE_LAMBDA -> V & {
        return sum.at[way][b][Stage::slots[slot].sum[k]][r];
      });
  }

  // A slot's sums are integers of their own; times the scales of row and unit they are added to the others.
  template <class Stage, int slot, int R>
  static GATEWISE_INLINE void multiply_integers(Sums<Stage, R> &sum, const T *const *from, int64_t depth, const T *w,
                                                NextPanel<T> next) {
    constexpr int K = Stage::slots[slot].sums, blocks = Shape<T, Stage>::blocks, W = ways<Stage, R>;
    constexpr int64_t step = int64_t(blocks) * K * L;
    typename Way::Sum whole[W][blocks][K][R] = {};
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 16
      for (int b = 0; b < blocks; ++b)
#pragma GCC unroll 16
        for (int k = 0; k < K; ++k) whole[0][b][k][r] = typename Way::Sum(load(w + step + (b * K + k) * L));
    over_depth<Stage, slot, R>(from, depth, w + Way::header * step, next, [&](int way, int b, int k, int r)
                               GATEWISE_INLINE_LAMBDA -> typename Way::Sum & { return whole[way][b][k][r]; });
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 16
      for (int b = 0; b < blocks; ++b)
#pragma GCC unroll 16
        for (int k = 0; k < K; ++k) {
          if constexpr (W == 2) whole[0][b][k][r] += whole[1][b][k][r];
          const V product = __builtin_convertvector(whole[0][b][k][r], V) * (from[r][depth] * load(w + (b * K + k) * L));
          sum.at[0][b][Stage::slots[slot].sum[k]][r] += product;
        }
  }

  // The products of all slots except, or only, those of the input; the rows of slots are `apart` rows apart.
  template <class Stage, int R, class Wanted>
  GATEWISE_INLINE void multiply_slots(Sums<Stage, R> &sum, const T *panel, const T *const *rows, size_t apart,
                                      NextPanel<T> &next, const Wanted &wanted) const {
    const auto in_slot = [&]<std::size_t k>() GATEWISE_INLINE_LAMBDA {
      const Slot &slot = Stage::slots[k];
      const int64_t depth = depth_of<Way>(p.width(slot.width));
      if (wanted(slot)) multiply<Stage, int(k), R>(sum, rows + k * apart, depth, panel, next), next.advance(depth);
      panel += packed.template slot_size<Stage>(slot);
    };
    [&]<std::size_t... k>(std::index_sequence<k...>) GATEWISE_INLINE_LAMBDA {
      (in_slot.template operator()<k>(), ...);
    }(std::make_index_sequence<Stage::slots.size()>{});
  }

  // R rows of one step, one group of units.
  template <class Stage, int R> void tile(int64_t first_row, const T *panel, int64_t group, NextPanel<T> &next) const {
    constexpr int M = Stage::sums, blocks = Shape<T, Stage>::blocks;
    const Step<T, Cell> *rows = &steps[size_t(first_row)];
    Sums<Stage, R> sum;
    const int64_t first = group * blocks * L;
#pragma GCC unroll 16
    for (int b = 0; b < blocks; ++b)
#pragma GCC unroll 16
      for (int m = 0; m < M; ++m)
#pragma GCC unroll 16
        for (int r = 0; r < R; ++r)
          sum.at[0][b][m][r] = first + b * L < padded ? load(rows[r].start + (Stage::first_sum + m) * padded + first + b * L) : V{};
    const bool ahead = p.ahead;
    multiply_slots<Stage, R>(sum, panel, operands.from(first_row), steps.size(), next,
                             [&](const Slot &slot) { return !(ahead && slot.operand.where == Operand::input); });
    for (int b = 0; b < blocks && first + b * L < (p.width(Stage::width) + L - 1) / L * L; ++b)
#pragma GCC unroll 16
      for (int r = 0; r < R; ++r) {
        V own[M];
#pragma GCC unroll 16
        for (int m = 0; m < M; ++m) {
          own[m] = sum.at[0][b][m][r];
          if constexpr (ways<Stage, R> == 2) own[m] += sum.at[1][b][m][r];
        }
        Stage::forward(own, rows[r], first + b * L);
      }
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
        constexpr int64_t group = Shape<T, Stage>::group;
        const Range own = units(p, team, Stage::width);
        for (int64_t g = own.from / group; g * group < own.to; ++g) {
          const T *panel = packed.panels[number] + g * packed.template panel_size<Stage>();
          in_tiles<Shape<T, Stage>::height>(int64_t(to.size()), [&]<int R>(int64_t row) {
            ahead_tile<Stage, R>(input.from(row), &to[size_t(row)], panel, g);
          });
        }
      }
    });
  }

  template <class Stage, int R> void ahead_tile(const T *const *input, T *const *to, const T *panel, int64_t group) const {
    constexpr int M = Stage::sums, blocks = Shape<T, Stage>::blocks;
    Sums<Stage, R> sum;
    NextPanel<T> none(panel);
    multiply_slots<Stage, R>(sum, panel, input, 0, none, [&](const Slot &slot) { return slot.operand.where == Operand::input; });
    for (int b = 0; b < blocks; ++b) {
      const int64_t u = group * blocks * L + b * L;
      for (int m = 0; u < padded && m < M; ++m) {
        const int64_t at = (Stage::first_sum + m) * padded + u;
        for (int r = 0; r < R; ++r) {
          V total = load(packed.bias + at) + sum.at[0][b][m][r];
          if constexpr (ways<Stage, R> == 2) total += sum.at[1][b][m][r];
          store(to[r] + at, total);
        }
      }
    }
  }
};

}  // namespace gatewise
