// A cell along a batch of sequences: step by step, stage by stage, tile by tile.
#pragma once

#include "normalise.h"
#include "operands.h"
#include "order.h"
#include "packed.h"

namespace gatewise {

template <class Element, class Cell> class Forward {
 public:
  using T = NumberOf<Element>;
  using Way = WayOf<T, Element>;
  using V = Vector<T>;
  using P = Problem<T, Cell>;
  static constexpr int L = lanes<T>, S = Cell::states;

  // `shared` is one for all threads: the products of the inputs of some steps, where they are done ahead.
  Forward(const P &p, const Packed<Element, Cell> &packed, const Order &order, Team &team, T *shared)
      : p(p), packed(packed), order(order), team(team), padded(p.padded()), looked(shared),
        steps(size_t(team.rows.to - team.rows.from)), zeros(size_t(padded), T(0)),
        numbers(steps.size() * Cell::normalisers.size() * 4) {}

  // How many steps' input products are done at once, and the memory that takes.
  static int64_t chunk(const P &p) { return std::min<int64_t>(p.steps, std::max<int64_t>(1, 128 / p.batch)); }
  static int64_t shared_size(const P &p) { return p.ahead ? chunk(p) * p.batch * Cell::sums * p.padded() : 0; }

  // Steps first..last, the states before them as they stand.
  void run(int64_t first, int64_t last) {
    for (int64_t s = first; s < last; ++s) {
      const int64_t end = std::min(team.rows.to, order.active(s));
      if (p.ahead && (s - first) % chunk(p) == 0) look_ahead(s, std::min(s + chunk(p), last));
      for (int64_t r = team.rows.from; r < end; ++r) steps[size_t(r - team.rows.from)] = step(s, r, (s - first) % chunk(p));
      for_each_stage<Cell>([&]<class Stage, int k> { run_stage<Stage, k>(s, end - team.rows.from); });
      for (int64_t r = std::max(team.rows.from, order.active(s + 1)); r < end; ++r) finish(r, &steps[size_t(r - team.rows.from)].state[0]);
    }
  }

  // Rows without any step end where they begin; what lies beyond a row's end shows zeros.
  void fill_rest() {
    for (int64_t r = team.rows.from; r < team.rows.to; ++r) {
      const int64_t b = order.place(r);
      if (order.length(r) == 0) {
        const T *start[S];
        for (int k = 0; k < S; ++k) start[k] = p.initial[k](0, b);
        finish(r, start);
      }
      for (int64_t t = order.length(r) + team.member; t < p.steps; t += team.members) {
        for (int k = 0; k < S; ++k)
          if (all_steps(p.state[k])) std::fill_n(p.state[k](t, b), row_of(k), T(0));
        if (p.kept.from && all_steps(p.kept)) std::fill_n(p.kept(t, b), Cell::kept * padded, T(0));
      }
    }
  }

  // What a row of a step reads and writes; a reset makes its previous states zero.
  Step<T, Cell> step(int64_t s, int64_t r, int64_t looked_at = 0) {
    const int64_t b = order.place(r), t = order.time(s, r), before = order.time(s - 1, r);
    const bool reset = p.reverse ? s > 0 && p.resets_at(t + 1, b) : p.resets_at(t, b);
    Step<T, Cell> own;
    own.stride = padded;
    own.input = p.input(t, b);
    for (int k = 0; k < S; ++k) {
      own.state[k] = p.state[k](t, b);
      own.previous[k] = reset ? zeros.data() : s == 0 ? p.initial[k](0, b) : p.state[k](before, b);
    }
    own.kept = p.kept.from ? p.kept(t, b) : nullptr;
    for (int k = 0; k < Cell::factors; ++k) own.factors[k] = p.factors[k](s, b);
    own.vectors = packed.vectors;
    own.start = p.ahead ? looked + (looked_at * p.batch + r) * Cell::sums * padded : packed.bias;
    own.numbers = numbers.data() + size_t(r - team.rows.from) * Cell::normalisers.size() * 4;
    return own;
  }

  // The units of a row that this thread computes; the same for all stages of a width.
  static Range units(const P &p, const Team &team, Width width) {
    int64_t piece = L;
    for_each_stage<Cell>([&]<class Stage, int k> { piece = std::max(piece, Shape<T, Stage>::group); });
    return share((p.width(width) + L - 1) / L * L, team.member, team.members, piece);
  }

 private:
  const P &p;
  const Packed<Element, Cell> &packed;
  const Order &order;
  Team &team;
  const int64_t padded;
  T *const looked;
  std::vector<Step<T, Cell>> steps;
  const std::vector<T> zeros;
  std::vector<T> numbers;
  Operands<Element> operands;

  bool all_steps(const Rows<T> &rows) const { return rows.ring == -1 || rows.ring + 1 >= p.steps; }
  int64_t row_of(int state) const { return (p.width(Cell::state_width[size_t(state)]) + L - 1) / L * L; }

  template <class Pointer> void finish(int64_t r, const Pointer *from) {
    for (int k = 0; k < S && p.final[k].from; ++k) {
      const Range own = units(p, team, Cell::state_width[size_t(k)]);
      std::copy(from[k] + own.from, from[k] + own.to, p.final[k](0, order.place(r)) + own.from);
    }
  }

  template <class Stage, int number> void run_stage(int64_t s, int64_t rows) {
    if (Stage::meets) team.meet();
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
        const int64_t g = first + (s % 2 ? count - 1 - i : i);  // back and forth: what was read last is still near
        const T *panel = packed.panels[number] + g * packed.template panel_size<Stage>();
        in_tiles<Shape<T, Stage>::height>(rows, [&]<int R>(int64_t row) { tile<Stage, R>(row, panel, g); });
      }
    }
  }

  // The rows that a stage multiplies: of each slot one for each row of the team.
  template <class Stage> void read_operands(int64_t rows) {
    operands.resize(int64_t(Stage::slots.size() * steps.size()), std::max({p.inputs, p.units, p.outputs}));
    for (size_t k = 0; k < Stage::slots.size(); ++k) {
      const Slot &slot = Stage::slots[k];
      if (p.ahead && slot.operand.where == Operand::input) continue;
      for (int64_t r = 0; r < rows; ++r)
        operands.read(int64_t(k * steps.size()) + r, steps[size_t(r)].at(slot.operand), p.width(slot.width));
    }
  }

  // Rows 0..rows in tiles of nearly the same height, none above H.
  template <int H, class Work> static void in_tiles(int64_t rows, const Work &work) {
    const int64_t tiles = (rows + H - 1) / H;
    for (int64_t i = 0; i < tiles; ++i) {
      const int64_t row = rows * i / tiles;
      dispatch<H>(int(rows * (i + 1) / tiles - row), row, work);
    }
  }

  template <int R, class Work> static void dispatch(int height, int64_t row, const Work &work) {
    if (height == R) work.template operator()<R>(row);
    else if constexpr (R > 1) dispatch<R - 1>(height, row, work);
  }

  // Few rows have too few sums for the multipliers to be busy: then every second depth has sums of its own.
  template <class Stage, int R> static constexpr int ways = R * Shape<T, Stage>::columns < 8 ? 2 : 1;

  template <class Stage, int R> struct Sums {
    V at[ways<Stage, R>][Shape<T, Stage>::blocks][Stage::sums][R] = {};
  };

  template <class Stage, int slot, int R>
  static GATEWISE_INLINE void multiply(Sums<Stage, R> &sum, const T *const *from, int64_t depth, const T *w) {
    constexpr int K = Stage::slots[slot].sums, blocks = Shape<T, Stage>::blocks, W = ways<Stage, R>;
    const T *row[R];
    std::copy_n(from, R, row);
    const auto at_depth = [&](auto way, int64_t d) GATEWISE_INLINE_LAMBDA {
      V weight[blocks][K];
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
            V &to = sum.at[way][b][Stage::slots[slot].sum[k]][r];
            to = Way::multiply(to, row[r] + d, weight[b][k]);
          }
      }
    };
    int64_t d = 0;
    if constexpr (W == 2)
      for (; d + 1 < depth; d += 2) at_depth(std::integral_constant<int, 0>{}, d), at_depth(std::integral_constant<int, 1>{}, d + 1);
    for (; d < depth; ++d) at_depth(std::integral_constant<int, 0>{}, d);
  }

  // The products of all slots but, or only, those of the input; each slot's rows are `apart` behind those of the one before.
  template <class Stage, int R, class Wanted>
  GATEWISE_INLINE void multiply_slots(Sums<Stage, R> &sum, const T *panel, const T *const *rows, size_t apart,
                                      const Wanted &wanted) const {
    const auto in_slot = [&]<std::size_t k>() GATEWISE_INLINE_LAMBDA {
      const Slot &slot = Stage::slots[k];
      if (wanted(slot)) multiply<Stage, int(k), R>(sum, rows + k * apart, depth_of<Way>(p.width(slot.width)), panel);
      panel += packed.template slot_size<Stage>(slot);
    };
    [&]<std::size_t... k>(std::index_sequence<k...>) GATEWISE_INLINE_LAMBDA {
      (in_slot.template operator()<k>(), ...);
    }(std::make_index_sequence<Stage::slots.size()>{});
  }

  // R rows of one step, one group of units.
  template <class Stage, int R> void tile(int64_t first_row, const T *panel, int64_t group) const {
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
    multiply_slots<Stage, R>(sum, panel, operands.from(first_row), steps.size(),
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
    input.resize((last - first) * int64_t(steps.size()), p.inputs);
    for (int64_t s = first; s < last; ++s)
      for (int64_t r = team.rows.from; r < std::min(team.rows.to, order.active(s)); ++r) {
        input.read(int64_t(to.size()), p.input(order.time(s, r), order.place(r)), p.inputs);
        to.push_back(looked + ((s - first) * p.batch + r) * Cell::sums * padded);
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
    multiply_slots<Stage, R>(sum, panel, input, 0, [&](const Slot &slot) { return slot.operand.where == Operand::input; });
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
