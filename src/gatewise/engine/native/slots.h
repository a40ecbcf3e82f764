// The products of a stage as work for tiles: slots one after another that add to the same sums are multiplied together.
#pragma once

#include <algorithm>

#include "packed.h"

namespace gatewise {

// The sums of a tile, in memory between the products and the equations.
template <class Element, class Stage> struct TileSums {
  using T = NumberOf<Element>;
  using Own = Shape<Element, Stage>;
  alignas(64) T at[Own::height][Own::blocks][Stage::sums][lanes<T>];
};

// Which slots: those that multiply the input, all others, or both.
enum class Chosen { input, others, all };

template <class Element, class Cell, class Stage> class Slots {
 public:
  using T = NumberOf<Element>;
  using Way = WayOf<T, Element>;
  using Own = Shape<Element, Stage>;

  // rows: of the first slot; those of the next one are `apart` rows further
  Slots(const ProblemOf<Element, Cell> &p, const Packed<Element, Cell> &packed, Chosen chosen, const T *const *rows, int64_t apart)
      : padded(p.padded()), of_head(p.heads > 1 ? p.depth(Stage::width) : 0) {
    int64_t offset = 0;
    for (int k = 0, before = -2; k < slots; ++k) {
      const Slot &slot = Stage::slots[size_t(k)];
      if (chosen == Chosen::all || (slot.operand.where == Operand::input) == (chosen == Chosen::input)) {
        factors[size_t(k)] = {rows + k * apart, depth_of<Way>(p.depth(slot.width)), 0};
        if (before < k - 1 || !slot.has_sums_of(Stage::slots[size_t(before)])) products[count++] = {k, 0, offset};
        ++products[count - 1].factors;
        before = k;
      }
      offset += packed.template slot_size<Stage>(slot);
    }
    for (int b = 0; b < Own::blocks; ++b)
      for (int m = 0; m < Stage::sums; ++m) {
        const int64_t start = (Stage::first_sum + m) * padded + b * L, place = (b * Stage::sums + m) * L;
        const int64_t *const first = places[size_t(products[0].slot)].data();
        const int64_t column = count ? std::find(first, first + columns(products[0].slot), place) - first : 0;
        if (count && column < columns(products[0].slot)) first_start[column] = start;
        else other_start[others] = start, other_place[others++] = place;
      }
  }

  // The sums of some rows and one group of units: start(r), a row of all sums, plus the products with the weights of a panel.
  template <class Start>
  GATEWISE_INLINE void run(TileSums<Element, Stage> &sums, int64_t row, int height, int64_t group, const T *panel, NextPanel<T> &next,
                           const Start &start) const {
    const T *from[Own::height], *to[Own::height];
    const std::array<Factor<T>, slots> parts = parts_of(group);
    for (int r = 0; r < height; ++r) {
      from[r] = start(r) + group * Own::group;
      to[r] = sums.at[r][0][0];
      for (int i = 0; i < others; ++i) store(sums.at[r][0][0] + other_place[i], load(from[r] + other_start[i]));
    }
    for (int i = 0; i < count; ++i) {
      const Product &own = products[i];
      const int64_t *const place = places[size_t(own.slot)].data();
      Tile<Element>::run(height, columns(own.slot),
                         {&parts[size_t(own.slot)], own.factors, row, panel + own.offset, i ? to : from, i ? place : first_start,
                          sums.at[0][0][0], Own::columns * L, place},
                         next);
    }
  }

 private:
  static constexpr int slots = int(Stage::slots.size()), L = lanes<T>;
  struct Product {
    int slot, factors;  // the first slot, and how many
    int64_t offset;     // of the weights in a panel
  };

  static constexpr int columns(int slot) { return Own::blocks * Stage::slots[size_t(slot)].sums; }
  static constexpr int sum_of(int slot, int column) { return Stage::slots[size_t(slot)].sum[column % Stage::slots[size_t(slot)].sums]; }
  static constexpr int block_of(int slot, int column) { return column / Stage::slots[size_t(slot)].sums; }

  // For each slot, where the sums of its columns are in a row of `TileSums`.
  static constexpr auto places = [] {
    std::array<std::array<int64_t, Tile<Element>::widest>, slots> all{};
    for (int k = 0; k < slots; ++k)
      for (int c = 0; c < columns(k); ++c) all[size_t(k)][size_t(c)] = (block_of(k, c) * Stage::sums + sum_of(k, c)) * L;
    return all;
  }();

  // The rows of the slots, or with heads those parts which units of a group multiply: all are of one head.
  GATEWISE_INLINE std::array<Factor<T>, slots> parts_of(int64_t group) const {
    std::array<Factor<T>, slots> parts = factors;
    if (of_head == 0) return parts;
    const int64_t head = group * Own::group / of_head;
    for (size_t k = 0; k < slots; ++k)
      if (Stage::slots[k].width != Width::input) parts[k].start = head * parts[k].depth;
    return parts;
  }

  const int64_t padded, of_head;  // the units of a head, 0 without heads
  std::array<Factor<T>, slots> factors = {};
  Product products[slots] = {};
  int count = 0;
  int64_t first_start[Tile<Element>::widest];  // of the columns of the first product
  int others = 0;                              // sums that the first product does not begin
  int64_t other_start[Own::columns], other_place[Own::columns];
};

}  // namespace gatewise
