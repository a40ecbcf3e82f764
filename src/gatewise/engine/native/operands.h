// Rows as products read them: in place, or, if products round, packed in separate memory.
#pragma once

#include <vector>

#include "int8.h"

namespace gatewise {

template <class Element> class Operands {
 public:
  using T = NumberOf<Element>;
  using Way = WayOf<T, Element>;

  // Allocates `count` rows of at most `width` numbers.
  void resize(int64_t count, int64_t width) {
    if (int64_t(rows.size()) < count) rows.resize(size_t(count));
    step = depth_of<Way>(width) + lanes<T>;  // for whole vectors, and so that rows are rarely a power of two apart
    const int64_t numbers = (count + 2 * Way::whole) * step;  // tiles read whole multiples of rows
    if (Way::rounds && int64_t(packed.size()) < numbers) packed.resize(size_t(numbers));
  }

  void read(int64_t row, const T *from, int64_t width) {
    if constexpr (Way::rounds) {
      T *const to = packed.data() + row * step;
      Way::pack_along(from, width, to);
      from = to;
    }
    rows[size_t(row)] = from;
  }

  const T *const *from(int64_t row) const { return rows.data() + row; }
  int64_t distance() const { return step; }  // between packed rows

 private:
  std::vector<const T *> rows;
  std::vector<T> packed;
  int64_t step = 0;
};

}  // namespace gatewise
