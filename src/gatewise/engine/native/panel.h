// The weights of a slot in the order of a tile: of a group of units, for each depth one vector of each sum and block.
#pragma once

#include <vector>

#include "int8.h"

namespace gatewise {

template <class Element> struct Panel {
  using T = NumberOf<Element>;
  using Way = WayOf<T, Element>;

  const WeightOf<Element> *const *matrix;  // of each sum, [units, width]; with heads, `width` is that of a head
  const T *const *scale;                   // [units] of each int8 matrix
  int sums, blocks;
  int64_t units, width;

  void pack(int64_t group, T *to) const;
};

#ifdef GATEWISE_PRODUCTS
template <class Element> void Panel<Element>::pack(int64_t group, T *to) const {
  constexpr int L = lanes<T>;
  const int64_t depth = Way::header + depth_of<Way>(width), step = int64_t(blocks) * sums * L;
  std::vector<T> row(size_t(depth + L));
  for (int b = 0; b < blocks; ++b)
    for (int k = 0; k < sums; ++k)
      for (int l = 0; l < L; ++l) {
        const int64_t unit = (group * blocks + b) * L + l;
        if (unit >= units) std::fill(row.begin(), row.end(), T(0));
        else if constexpr (is_int8<Element>) Way::pack_weights(matrix[k] + unit * width, width, scale[k][unit], row.data());
        else Way::pack_along(matrix[k] + unit * width, width, row.data());
        T *const at = to + (b * sums + k) * L + l;
        for (int64_t d = 0; d < depth; ++d) at[d * step] = row[size_t(d)];
      }
}
#endif

}  // namespace gatewise
