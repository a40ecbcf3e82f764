// The gradient of a cell along a batch of sequences: back through the steps, some at a time, and after each such
// chunk the products over all its steps (of the weights' and the input's gradient) while it is still in the cache.
#pragma once

#include "forward.h"
#include "outer.h"
#include "through.h"

namespace gatewise {

template <class Element, class Cell> class Backward {
 public:
  using T = NumberOf<Element>;
  using P = Problem<T, Cell>;
  using G = Gradients<T, Cell>;
  static constexpr int L = lanes<T>, S = Cell::states;

  // Memory that all threads share, as it lies in one piece.
  struct Shared {
    T *sums, *carried[2], *entries, *by_bias, *by_vector, *kept, *looked, *outer;
    T *through[Cell::matrices], *to_input;
    int64_t bytes;

    Shared(const P &p, void *memory) {
      Arena arena(memory);
      const int64_t rows = p.batch * p.padded();
      sums = arena.take<T>(chunk(p) * rows * Cell::sums);
      for (T *&one : carried) one = arena.take<T>(S * rows);
      entries = arena.take<T>(2 * rows * Cell::entries);
      by_bias = arena.take<T>(p.threads * Cell::sums * p.padded());
      by_vector = arena.take<T>(p.threads * Cell::vectors * p.padded());
      kept = arena.take<T>(p.recompute ? chunk(p) * rows * Cell::kept : 0);
      looked = arena.take<T>(p.recompute ? Forward<Element, Cell>::shared_size(p) : 0);
      outer = arena.take<T>(p.threads * outer_size(p));
      for_each_slot([&]<class Stage>(const Slot &slot, int matrix) {
        if (slot.operand.where == Operand::input) return;
        through[matrix] = arena.take<T>(Through<Element>(p, slot.width).size(slot.sums, p.width(Stage::width)));
      });
      to_input = arena.take<T>(Through<Element>(p, Width::input).size(int64_t(input_sums().size()), p.units));
      bytes = arena.bytes();
    }
  };

  // Steps that are gone back through before their products are done: a power of two, so that it can be a ring.
  static int64_t chunk(const P &p) {
    int64_t steps = 1;
    while (steps < p.steps && steps * p.batch < 1024) steps *= 2;
    return steps;
  }

  Backward(const P &given, const G &gradients, const Packed<Element, Cell> &packed, const Order &order, Team &team,
           const Shared &shared)
      : p(given), gradients(gradients), order(order), team(team), shared(shared), padded(given.padded()),
        steps(size_t(team.rows.to - team.rows.from)), forward(p, packed, order, team, shared.looked) {}

  void run() {
    if (p.recompute) p.kept = {shared.kept, p.batch * Cell::kept * padded, Cell::kept * padded, chunk(p) - 1};
    prepare();
    team.meet_all();
    for (int64_t first = (p.steps - 1) / chunk(p) * chunk(p); first >= 0; first -= chunk(p)) {
      const int64_t last = std::min(p.steps, first + chunk(p));
      if (p.recompute) forward.run(first, last), team.meet();
      for (int64_t s = last - 1; s >= first; --s) back(s);
      team.meet_all();
      multiply_out(first, last);
      team.meet_all();
    }
    finish();
  }

 private:
  P p;
  const G &gradients;
  const Order &order;
  Team &team;
  const Shared &shared;
  const int64_t padded;
  std::vector<Step<T, Cell>> steps;
  Forward<Element, Cell> forward;
  Operands<Element> operands;
  bool fresh = true;  // no chunk was added to the weights' gradient yet

  template <class Work> static void for_each_slot(const Work &work) {
    int matrix = 0;
    for_each_stage<Cell>([&]<class Stage, int number> {
      for (const Slot &slot : Stage::slots) {
        work.template operator()<Stage>(slot, matrix);
        matrix += slot.sums;
      }
    });
  }

  // The sums that products of the input go into, in their order.
  static std::vector<int> input_sums() {
    std::vector<int> sums;
    for_each_slot([&]<class Stage>(const Slot &slot, int) {
      for (int k = 0; k < slot.sums && slot.operand.where == Operand::input; ++k) sums.push_back(Stage::first_sum + slot.sum[k]);
    });
    return sums;
  }

  static int64_t outer_size(const P &p) {
    int64_t most = 0;
    for_each_slot([&]<class Stage>(const Slot &slot, int) {
      const int64_t rows = slot.sums * p.width(Stage::width);
      most = std::max(most, Outer<T, Element>::scratch(rows, p.width(slot.width), chunk(p) * p.batch, int(p.threads)));
    });
    return most;
  }

  // The weights as the products back through them read them, and zeros where sums begin.
  void prepare() {
    for_each_slot([&]<class Stage>(const Slot &slot, int matrix) {
      if (slot.operand.where == Operand::input) return;
      const Through<Element> through(p, slot.width);
      for (int k = 0; k < slot.sums; ++k)
        through.pack(p.matrix[matrix + k], p.width(Stage::width), slot.sums, k, shared.through[matrix], team);
    });
    if (gradients.input.from) pack_to_input();
    std::fill_n(shared.by_bias + team.thread * Cell::sums * padded, Cell::sums * padded, T(0));
    std::fill_n(shared.by_vector + team.thread * Cell::vectors * padded, Cell::vectors * padded, T(0));
  }

  void pack_to_input() {
    const int products = int(input_sums().size());
    int done = 0;
    const Through<Element> through(p, Width::input);
    for_each_slot([&]<class Stage>(const Slot &slot, int matrix) {
      if (slot.operand.where == Operand::input)
        for (int k = 0; k < slot.sums; ++k) through.pack(p.matrix[matrix + k], p.units, products, done++, shared.to_input, team);
    });
  }

  T *sums_at(int64_t s, int64_t r) const { return shared.sums + ((s & (chunk(p) - 1)) * p.batch + r) * Cell::sums * padded; }
  T *carried(int64_t s, int k, int64_t r) const { return shared.carried[s & 1] + (k * p.batch + r) * padded; }

  // One step back: stages in reverse, each unit by unit and then through its products.
  void back(int64_t s) {
    const int64_t from = team.rows.from, end = std::min(team.rows.to, order.active(s));
    for (int64_t r = from; r < end; ++r) {
      if (r >= order.active(s + 1)) enter(s, r);
      steps[size_t(r - from)] = step(s, r);
      for (int k = 0; k < int(Cell::normalisers.size()); ++k) normalise<T, Cell>(steps[size_t(r - from)], k, p.units);
    }
    back_stages<int(std::tuple_size_v<typename Cell::Stages>) - 1>(end - from);
    for (int64_t r = from; r < end; ++r)
      if (resets_before(s, r))
        for_own_units([&](int k, Range own) { std::fill(carried(s - 1, k, r) + own.from, carried(s - 1, k, r) + own.to, T(0)); });
  }

  bool resets_before(int64_t s, int64_t r) const {
    const int64_t t = order.time(s, r), b = order.place(r);
    return p.reverse ? s > 0 && p.resets_at(t + 1, b) : p.resets_at(t, b);
  }

  template <class Work> void for_own_units(const Work &work) const {
    for (int k = 0; k < S; ++k) work(k, Forward<Element, Cell>::units(p, team, Cell::state_width[size_t(k)]));
  }

  // A row's last step: what comes from later is the gradient of its last states.
  void enter(int64_t s, int64_t r) {
    for_own_units([&](int k, Range own) {
      T *to = carried(s, k, r);
      if (!gradients.by_final[k].from) return std::fill(to + own.from, to + own.to, T(0));
      const T *from = gradients.by_final[k](0, order.place(r));
      std::copy(from + own.from, from + own.to, to + own.from);
    });
  }

  Step<T, Cell> step(int64_t s, int64_t r) {
    const int64_t b = order.place(r), t = order.time(s, r);
    Step<T, Cell> own = forward.step(s, r);
    for (int k = 0; k < S; ++k) {
      own.carried[k] = carried(s, k, r);
      own.previous_gradient[k] = carried(s - 1, k, r);
      own.state_gradient[k] = gradients.by_state[k].from ? gradients.by_state[k](t, b) : nullptr;
    }
    own.by_kept = gradients.by_kept.from ? gradients.by_kept(t, b) : nullptr;
    own.entries = shared.entries + ((s & 1) * p.batch + r) * Cell::entries * padded;
    own.sum_gradient = sums_at(s, r);
    own.bias_gradient = shared.by_bias + team.thread * Cell::sums * padded;
    own.vector_gradient = shared.by_vector + team.thread * Cell::vectors * padded;
    return own;
  }

  template <int number> void back_stages(int64_t rows) {
    using Stage = std::tuple_element_t<number, typename Cell::Stages>;
    if constexpr (Stage::normalised.size() > 0) {
      team.meet();
      for (int64_t r = 0; r < rows; ++r)
        for (const int k : Stage::normalised) normalise_gradient<T, Cell>(steps[size_t(r)], k, p.units);
    }
    const Range own = Forward<Element, Cell>::units(p, team, Stage::width);
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t u = own.from; u < own.to; u += L) Stage::backward(steps[size_t(r)], u);
    through_products<Stage, number>(rows);
    if constexpr (number > 0) back_stages<number - 1>(rows);
  }

  template <class Stage, int number> void through_products(int64_t rows) {
    bool met = false;
    for_each_slot([&]<class Any>(const Slot &slot, int matrix) {
      if constexpr (std::is_same_v<Any, Stage>) {
        if (slot.operand.where == Operand::input) return;
        if (!met) team.meet(), met = true;
        const int64_t units = p.width(Stage::width);
        std::vector<T *> target;
        operands.resize(slot.sums * rows, units);
        for (int64_t r = 0; r < rows; ++r) {
          const Step<T, Cell> &own = steps[size_t(r)];
          for (int k = 0; k < slot.sums; ++k)
            operands.read(k * rows + r, own.sum_gradient + (Stage::first_sum + slot.sum[k]) * padded, units);
          target.push_back(slot.operand.where == Operand::previous ? own.previous_gradient[slot.target] : own.entries + slot.target * padded);
        }
        Through<Element>(p, slot.width).run(operands, slot.sums, units, target, shared.through[matrix],
                                            Forward<Element, Cell>::units(p, team, slot.width), slot.adds,
                                            (p.width(slot.width) + L - 1) / L * L);
      }
    });
  }

  // The products over all rows of the steps first..last.
  void multiply_out(int64_t first, int64_t last) {
    std::vector<std::pair<int64_t, int64_t>> rows;
    for (int64_t s = first; s < last; ++s)
      for (int64_t r = 0; r < order.active(s); ++r) rows.emplace_back(s, r);
    if (gradients.input.from) back_to_input(rows);
    const int64_t depth = int64_t(rows.size());
    std::vector<const T *> left(rows.size()), right(rows.size());
    for_each_slot([&]<class Stage>(const Slot &slot, int matrix) {
      for (int64_t i = 0; i < depth; ++i) right[size_t(i)] = forward.step(rows[size_t(i)].first, rows[size_t(i)].second).at(slot.operand);
      const int64_t units = p.width(Stage::width), width = p.width(slot.width);
      for (int k = 0, next; k < slot.sums; k = next) {
        for (next = k + 1; next < slot.sums && follows<Stage>(slot, matrix, next); ++next) {}
        if (!gradients.matrix[matrix + k]) continue;
        for (int64_t i = 0; i < depth; ++i)
          left[size_t(i)] = sums_at(rows[size_t(i)].first, rows[size_t(i)].second) + (Stage::first_sum + slot.sum[k]) * padded;
        Outer<T, Element>::run((next - k) * units, width, depth, left.data(), right.data(), gradients.matrix[matrix + k],
                               width, !fresh, shared.outer + team.thread * outer_size(p), int(team.thread), int(team.threads));
      }
    });
    fresh = false;
  }

  // Whether a product's sum and weights lie right behind those of the one before it: then they are one product.
  template <class Stage> bool follows(const Slot &slot, int matrix, int k) const {
    const int64_t size = p.width(Stage::width) * p.width(slot.width);
    return p.width(Stage::width) == padded && slot.sum[k] == slot.sum[k - 1] + 1 && gradients.matrix[matrix + k - 1] &&
           gradients.matrix[matrix + k] == gradients.matrix[matrix + k - 1] + size;
  }

  void back_to_input(const std::vector<std::pair<int64_t, int64_t>> &rows) {
    const Range own = share(int64_t(rows.size()), team.thread, team.threads);
    const std::vector<int> sums = input_sums();
    const int64_t products = int64_t(sums.size());
    constexpr int64_t at_once = 96;  // rows whose packed gradients stay in the cache
    for (int64_t first = own.from, count; first < own.to; first += count) {
      count = std::min(at_once, own.to - first);
      std::vector<T *> target;
      operands.resize(products * count, p.units);
      for (int64_t i = 0; i < count; ++i) {
        const auto [s, r] = rows[size_t(first + i)];
        for (int64_t k = 0; k < products; ++k) operands.read(k * count + i, sums_at(s, r) + sums[size_t(k)] * padded, p.units);
        target.push_back(gradients.input(order.time(s, r), order.place(r)));
      }
      Through<Element>(p, Width::input).run(operands, products, p.units, target, shared.to_input, {0, p.inputs}, false, p.inputs);
    }
  }

  // What is left at the beginning: gradients by the initial states, and those summed up by each thread.
  void finish() {
    for (int64_t r = team.rows.from; r < team.rows.to; ++r) {
      if (order.length(r) == 0) enter(-1, r);
      for_own_units([&](int k, Range own) {
        if (!gradients.initial[k].from) return;
        std::copy(carried(-1, k, r) + own.from, carried(-1, k, r) + own.to, gradients.initial[k](0, order.place(r)) + own.from);
      });
      if (gradients.input.from)
        for (int64_t t = order.length(r) + team.member; t < p.steps; t += team.members)
          std::fill_n(gradients.input(t, order.place(r)), p.inputs, T(0));
    }
    if (team.thread > 0) return;
    for (int k = 0; k < Cell::biases; ++k) add_up(shared.by_bias, Cell::sums, Cell::bias_sum[size_t(k)], gradients.bias[k]);
    for (int k = 0; k < Cell::vectors; ++k) add_up(shared.by_vector, Cell::vectors, k, gradients.vector[k]);
  }

  void add_up(const T *parts, int rows, int row, T *to) const {
    for (int64_t u = 0; to && u < p.units; ++u) {
      T sum = 0;
      for (int64_t thread = 0; thread < team.threads; ++thread) sum += parts[(thread * rows + row) * padded + u];
      to[u] = sum;
    }
  }
};

}  // namespace gatewise
