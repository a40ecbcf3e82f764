// Packed weights that are multiplied next, on their way to the cache of the core.
#pragma once

#include "vector.h"

namespace gatewise {

// Whether this number of sums keeps the multipliers so busy that a fetch costs nothing. With fewer, they wait for weights
// anyway.
template <int sums> constexpr bool keeps_busy = sums >= (GATEWISE_VECTOR_BYTES == 64 ? 15 : 7);

// While tiles of a panel are computed, the next panel is fetched into the L2 cache, a line at each depth of a tile, until it
// is complete. Otherwise, the first tile of each panel waits for weights that the L2 cache does not hold.
template <class T> class NextPanel {
 public:
  static constexpr int64_t line = 64 / int64_t(sizeof(T));

  // Nothing is fetched but the current panel, which is in the cache.
  explicit NextPanel(const T *current) : NextPanel(current, current, 0) {}

  NextPanel(const T *current, const T *next, int64_t size) : current(current), at(next), end(next + size) {}

  GATEWISE_INLINE void fetch(int64_t depth) const { __builtin_prefetch(at + depth * line, 0, 2); }

  // Called after `depth` calls of `fetch`.
  void advance(int64_t depth) { at = at + depth * line < end ? at + depth * line : current; }

 private:
  const T *current, *at, *end;
};

}  // namespace gatewise
