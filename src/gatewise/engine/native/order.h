// Which rows of a batch are inside their sequences at a step, and where a row's step lies in time.
#pragma once

#include <cstdint>
#include <vector>

namespace gatewise {

// Rows sorted by length, the longest first, so that those which go on are always the first ones.
class Order {
 public:
  Order(int64_t steps, int64_t batch, const int64_t *lengths, bool reverse)
      : steps(steps), reverse(reverse), row(size_t(batch)), lasts(size_t(batch), steps), count(size_t(steps) + 1, 0) {
    for (int64_t b = 0; b < batch; ++b) {
      if (lengths) lasts[size_t(b)] = std::max<int64_t>(0, std::min(lengths[b], steps));
      ++count[size_t(lasts[size_t(b)])];
    }
    for (int64_t s = steps - 1; s >= 0; --s) count[size_t(s)] += count[size_t(s) + 1];  // rows of at least s steps
    std::vector<int64_t> next(size_t(steps) + 1, 0);
    for (int64_t s = 0; s < steps; ++s) next[size_t(s)] = count[size_t(s) + 1];
    for (int64_t b = 0; b < batch; ++b) row[size_t(next[size_t(lasts[size_t(b)])]++)] = b;
  }

  int64_t place(int64_t r) const { return row[size_t(r)]; }                       // in the caller's batch
  int64_t length(int64_t r) const { return lasts[size_t(place(r))]; }
  int64_t active(int64_t s) const { return s < steps ? count[size_t(s) + 1] : 0; }  // rows with a step s
  int64_t time(int64_t s, int64_t r) const { return reverse ? length(r) - 1 - s : s; }

  const int64_t steps;
  const bool reverse;

 private:
  std::vector<int64_t> row, lasts, count;
};

}  // namespace gatewise
