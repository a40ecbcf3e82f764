// The gradient of a cell over a batch of sequences or lattices: backward through the steps in chunks, and after each chunk the
// products over all its steps (for the gradients of weights and inputs) while it is still in the cache.
#pragma once

#include "forward.h"

namespace gatewise {

template <class Element, class Cell> class Backward {
 public:
  using T = NumberOf<Element>;
  using P = Problem<T, Cell>;
  using G = Gradients<T, Cell>;
  static constexpr int L = lanes<T>, S = Cell::states;

  using Places = Lattice<Cell::axes>;
  using At = Row<Cell::axes>;

  // Memory of all threads, in one block.
  struct Shared {
    T *sums, *carried[2], *entries, *by_bias, *by_vector, *kept, *looked, *outer;
    T *through[Cell::matrices], *to_input;
    int64_t bytes;

    Shared(const P &p, const Places &lattice, void *memory) {
      MemoryPool pool(memory);
      const int64_t rows = lattice.most() * p.padded();
      sums = pool.take<T>(chunk(lattice) * rows * Cell::sums);
      for (T *&one : carried) one = pool.take<T>(Cell::previous * rows);
      entries = pool.take<T>(2 * rows * Cell::entries);
      by_bias = pool.take<T>(p.threads * Cell::sums * p.padded());
      by_vector = pool.take<T>(p.threads * Cell::vectors * p.padded());
      kept = pool.take<T>(p.recompute ? chunk(lattice) * rows * Cell::kept : 0);
      looked = pool.take<T>(p.recompute ? Forward<Element, Cell>::shared_size(p) : 0);
      outer = pool.take<T>(p.threads * outer_size(p, lattice));
      for_each_slot([&]<class Stage>(const Slot &slot, int matrix) {
        if (slot.operand.where == Operand::input) return;
        through[matrix] = pool.take<T>(Through<Element>(p, slot.width).size(slot.sums, p.width(Stage::width)));
      });
      to_input = pool.take<T>(Through<Element>(p, Width::input).size(int64_t(input_sums().size()), p.units));
      bytes = pool.bytes();
    }
  };

  // The steps of a chunk: a power of two, so that it can be a ring.
  static int64_t chunk(const Places &lattice) {
    int64_t steps = 1;
    while (steps < lattice.steps && steps * lattice.mean() < 1024) steps *= 2;
    return steps;
  }

  Backward(const P &given, const G &gradients, const Packed<Element, Cell> &packed, const Places &lattice, TeamMember &team,
           const Shared &shared)
      : p(given), gradients(gradients), lattice(lattice), team(team), shared(shared), padded(given.padded()),
        ring(chunk(lattice)), zeros(size_t(padded), T(0)), nowhere(size_t(padded)), forward(p, packed, lattice, team, shared.looked) {}

  void run() {
    if (p.recompute) p.kept = {shared.kept, p.batch * Cell::kept * padded, Cell::kept * padded, ring - 1};
    prepare();
    team.wait_for_all();
    for (int64_t first = (lattice.steps - 1) / ring * ring; first >= 0; first -= ring) {
      const int64_t last = std::min(lattice.steps, first + ring);
      if (p.recompute) forward.run(first, last), team.wait_for_team();
      for (int64_t s = last - 1; s >= first; --s) back(s);
      team.wait_for_all();
      multiply_out(first, last);
      team.wait_for_all();
    }
    finish();
  }

 private:
  P p;
  const G &gradients;
  const Places &lattice;
  TeamMember &team;
  const Shared &shared;
  const int64_t padded, ring;  // the steps of a chunk, whose sums are stored
  const std::vector<T> zeros;
  std::vector<T> nowhere;  // gradients that are not requested
  Forward<Element, Cell> forward;
  Operands<Element> operands;
  bool fresh = true;  // the first chunk stores the weights' gradient, the others add

  template <class Work> static void for_each_slot(const Work &work) {
    int matrix = 0;
    for_each_stage<Cell>([&]<class Stage, int number> {
      for (const Slot &slot : Stage::slots) {
        work.template operator()<Stage>(slot, matrix);
        matrix += slot.sums;
      }
    });
  }

  // The sums with products of the input, in order.
  static std::vector<int> input_sums() {
    std::vector<int> sums;
    for_each_slot([&]<class Stage>(const Slot &slot, int) {
      for (int k = 0; k < slot.sums && slot.operand.where == Operand::input; ++k) sums.push_back(Stage::first_sum + slot.sum[k]);
    });
    return sums;
  }

  static int64_t outer_size(const P &p, const Places &lattice) {
    int64_t most = 0;
    for_each_slot([&]<class Stage>(const Slot &slot, int) {
      const int64_t rows = slot.sums * p.width(Stage::width) / p.heads_of(slot.width);
      most = std::max(most, Outer<T, Element>::scratch(rows, p.depth(slot.width), chunk(lattice) * lattice.most(), int(p.threads)));
    });
    return most;
  }

  // Packs the weights for the backward products, and clears the sums.
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

  T *sums_at(const At &row) const {
    return shared.sums + ((row.s & (ring - 1)) * lattice.most() + row.place) * Cell::sums * padded;
  }

  T *carried(int64_t s, int q, int64_t place) const { return shared.carried[s & 1] + (q * lattice.most() + place) * padded; }

  // One backward step: stages in reverse order, each unit by unit and then through its products.
  void back(int64_t s) {
    forward.begin(s);
    for (size_t r = 0; r < forward.rows.size(); ++r) {
      add_gradients(forward.rows[r], forward.steps[r]);
      for (int k = 0; k < int(Cell::normalisers.size()); ++k) normalise<T, Cell>(forward.steps[r], k, p.units);
    }
    back_stages<int(std::tuple_size_v<typename Cell::Stages>) - 1>();
    for (size_t r = 0; r < forward.rows.size(); ++r)
      for (int q = 0; q < Cell::previous && p.resets_at(forward.rows[r]); ++q) {
        const Range own = units_of(q);
        std::fill(forward.steps[r].previous_gradient[q] + own.from, forward.steps[r].previous_gradient[q] + own.to, T(0));
      }
  }

  // The units of predecessor q's state that this thread computes.
  Range units_of(int q) const {
    return Forward<Element, Cell>::units(p, team, Cell::state_width[size_t(Cell::predecessor[size_t(q)].state)]);
  }

  // The locations of the gradients of a backward step; those of final states come from the caller.
  void add_gradients(const At &row, Step<T, Cell> &step) {
    for (int q = 0; q < Cell::previous; ++q) {
      const int axis = Cell::predecessor[size_t(q)].axis;
      step.carried[q] = row.last[axis] ? by_final(row.face[axis], row.b, q) : carried(row.s, q, row.place);
      step.previous_gradient[q] = !row.first[axis] ? carried(row.s - 1, q, lattice.place_before(row, axis))
                                  : gradients.initial[q].from ? gradients.initial[q](row.face[axis], row.b) : nowhere.data();
    }
    for (int k = 0; k < S; ++k) step.state_gradient[k] = gradients.by_state[k].from ? gradients.by_state[k](row.t, row.b) : nullptr;
    step.by_kept = gradients.by_kept.from ? gradients.by_kept(row.t, row.b) : nullptr;
    step.entries = shared.entries + ((row.s & 1) * lattice.most() + row.place) * Cell::entries * padded;
    step.sum_gradient = sums_at(row);
    step.bias_gradient = shared.by_bias + team.thread * Cell::sums * padded;
    step.vector_gradient = shared.by_vector + team.thread * Cell::vectors * padded;
  }

  const T *by_final(int64_t face, int64_t b, int q) const {
    return gradients.by_final[q].from ? gradients.by_final[q](face, b) : zeros.data();
  }

  template <int number> void back_stages() {
    using Stage = std::tuple_element_t<number, typename Cell::Stages>;
    if constexpr (Stage::normalised.size() > 0) {
      team.wait_for_team();
      for (const Step<T, Cell> &step : forward.steps)
        for (const int k : Stage::normalised) normalise_gradient<T, Cell>(step, k, p.units);
    }
    const Range own = Forward<Element, Cell>::units(p, team, Stage::width);
    for (const Step<T, Cell> &step : forward.steps)
      for (int64_t u = own.from; u < own.to; u += L) Stage::backward(step, u);
    through_products<Stage, number>();
    if constexpr (number > 0) back_stages<number - 1>();
  }

  template <class Stage, int number> void through_products() {
    bool waited = false;
    const int64_t rows = int64_t(forward.steps.size());
    for_each_slot([&]<class Any>(const Slot &slot, int matrix) {
      if constexpr (std::is_same_v<Any, Stage>) {
        if (slot.operand.where == Operand::input) return;
        if (!waited) team.wait_for_team(), waited = true;
        const int64_t units = p.width(Stage::width);
        std::vector<T *> target;
        operands.resize(slot.sums * rows, units);
        for (int64_t r = 0; r < rows; ++r) {
          const Step<T, Cell> &own = forward.steps[size_t(r)];
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
    std::vector<At> rows;
    for (int64_t s = first; s < last; ++s) lattice.rows(s, {0, p.batch}, rows);
    if (gradients.input.from) back_to_input(rows);
    std::vector<const T *> left(rows.size()), right(rows.size());
    for_each_slot([&]<class Stage>(const Slot &slot, int matrix) {
      const int64_t heads = p.heads_of(slot.width), units = p.width(Stage::width) / heads, width = p.depth(slot.width);
      for (int64_t head = 0; head < heads; ++head) {
        for (size_t i = 0; i < rows.size(); ++i) right[i] = forward.operand(rows[i], slot.operand) + head * width;
        for (int k = 0, next; k < slot.sums; k = next) {
          for (next = k + 1; next < slot.sums && follows<Stage>(slot, matrix, next); ++next) {}
          if (!gradients.matrix[matrix + k]) continue;
          const int64_t sum = (Stage::first_sum + slot.sum[k]) * padded + head * units;
          for (size_t i = 0; i < rows.size(); ++i) left[i] = sums_at(rows[i]) + sum;
          Outer<T, Element>::run((next - k) * units, width, int64_t(rows.size()), left.data(), right.data(),
                                 gradients.matrix[matrix + k] + head * units * width, width, !fresh,
                                 shared.outer + team.thread * outer_size(p, lattice), int(team.thread), int(team.threads));
        }
      }
    });
    fresh = false;
  }

  // Whether a product's sum and weights directly follow those of the one before: then both are one product, without heads.
  template <class Stage> bool follows(const Slot &slot, int matrix, int k) const {
    const int64_t size = p.width(Stage::width) * p.width(slot.width);
    return p.heads_of(slot.width) == 1 && p.width(Stage::width) == padded && slot.sum[k] == slot.sum[k - 1] + 1 && gradients.matrix[matrix + k - 1] &&
           gradients.matrix[matrix + k] == gradients.matrix[matrix + k - 1] + size;
  }

  void back_to_input(const std::vector<At> &rows) {
    const Range own = partition(int64_t(rows.size()), team.thread, team.threads);
    const std::vector<int> sums = input_sums();
    const int64_t products = int64_t(sums.size());
    constexpr int64_t at_once = 96;  // rows whose packed gradients stay in the cache
    for (int64_t first = own.from, count; first < own.to; first += count) {
      count = std::min(at_once, own.to - first);
      std::vector<T *> target;
      operands.resize(products * count, p.units);
      for (int64_t i = 0; i < count; ++i) {
        const At &row = rows[size_t(first + i)];
        for (int64_t k = 0; k < products; ++k) operands.read(k * count + i, sums_at(row) + sums[size_t(k)] * padded, p.units);
        target.push_back(gradients.input(row.t, row.b));
        if (products == 0) std::fill_n(target.back(), p.inputs, T(0));  // a lattice cell need not read the input
      }
      Through<Element>(p, Width::input).run(operands, products, p.units, target, shared.to_input, {0, p.inputs}, false, p.inputs);
    }
  }

  // Positions without a step: empty samples, and positions outside a sample; and the sums over all threads.
  void finish() {
    for (int64_t b = team.rows.from; b < team.rows.to; ++b) {
      for (int q = 0; q < Cell::previous && lattice.length(b, 0) == 0; ++q) {
        const Range own = units_of(q);
        const T *from = by_final(0, b, q);
        if (gradients.initial[q].from) std::copy(from + own.from, from + own.to, gradients.initial[q](0, b) + own.from);
      }
      if (gradients.input.from)
        lattice.outside(b, team.member, team.members, [&](int64_t t) { std::fill_n(gradients.input(t, b), p.inputs, T(0)); });
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
