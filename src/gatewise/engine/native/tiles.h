// Rows in tiles of nearly the same height.
#pragma once

#include <cstdint>

namespace gatewise {

// Calls work(row, height) for rows 0..rows in tiles of at most `most` rows.
template <class Work> void in_tiles(int64_t rows, int64_t most, const Work &work) {
  const int64_t tiles = (rows + most - 1) / most;
  for (int64_t i = 0, row = 0; i < tiles; ++i) {
    const int64_t next = rows * (i + 1) / tiles;
    work(row, int(next - row));
    row = next;
  }
}

template <int R, class Work> void in_height(int64_t rows, const Work &work) {
  if (rows == R) work.template operator()<R>();
  else if constexpr (R > 1) in_height<R - 1>(rows, work);
}

// Calls work.template operator()<R>(row) for tiles whose height R is known when the kernel is compiled.
template <int most, class Work> void in_fixed_tiles(int64_t rows, const Work &work) {
  in_tiles(rows, most, [&](int64_t row, int height) {
    in_height<most>(height, [&]<int R> { work.template operator()<R>(row); });
  });
}

}  // namespace gatewise
