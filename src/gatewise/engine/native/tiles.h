// Rows in tiles whose height is known when the kernel is compiled.
#pragma once

#include <cstdint>

namespace gatewise {

template <int R, class Work> void in_height(int64_t rows, const Work &work) {
  if (rows == R) work.template operator()<R>();
  else if constexpr (R > 1) in_height<R - 1>(rows, work);
}

// Calls work.template operator()<R>(row) for rows 0..rows in tiles of nearly the same height R, at most `most`.
template <int most, class Work> void in_tiles(int64_t rows, const Work &work) {
  const int64_t tiles = (rows + most - 1) / most;
  for (int64_t i = 0, row = 0; i < tiles; ++i) {
    const int64_t next = rows * (i + 1) / tiles;
    in_height<most>(next - row, [&]<int R> { work.template operator()<R>(row); });
    row = next;
  }
}

}  // namespace gatewise
