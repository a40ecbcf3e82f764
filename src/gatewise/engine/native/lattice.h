// The positions of a lattice that are computed at each step, and their locations. A sequence is a lattice of one axis.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "team.h"

namespace gatewise {

// One position of one sample. Coordinates count from the corner where the scan begins.
template <int N> struct Row {
  int64_t s, b, t;                  // the step, the sample, and the position in the caller's order
  int64_t place;                    // among the rows that a step can have
  std::array<bool, N> first, last;  // along each axis
  std::array<int64_t, N> face;      // the position on the side of each axis
};

// Positions whose coordinates sum to s are step s, since they read positions of step s - 1. Along the longest axis
// positions follow each other in time; the other axes are lanes.
template <int N> class Lattice {
 public:
  // lengths: [batch, N] the sizes of each sample, or null if all have the size of the lattice.
  Lattice(const int64_t *sizes, int64_t batch, const int64_t *lengths, const int64_t *reverse)
      : batch(batch), lengths(lengths) {
    for (int a = 0; a < N; ++a) size[a] = sizes[a], backwards[a] = reverse[a], positions *= sizes[a];
    stride[N - 1] = 1;
    for (int a = N - 1; a > 0; --a) stride[a - 1] = stride[a] * size[a];
    skewed = int(std::max_element(size.begin(), size.end()) - size.begin());
    for (int a = N - 1; a >= 0; --a)
      if (a != skewed) lane_stride[a] = lanes, lanes *= size[a];
    steps = 1;
    for (int a = 0; a < N; ++a) steps += size[a] - 1;
    lane_at.resize(size_t(lanes));
    for (int64_t lane = 0; lane < lanes; ++lane)
      for (int a = 0; a < N; ++a)
        if (a != skewed) lane_at[size_t(lane)][a] = lane / lane_stride[a] % size[a];
  }

  int64_t batch, positions = 1, lanes = 1, steps;

  // Rows that a step can have, and those that it has on average.
  int64_t most() const { return lanes * batch; }
  int64_t mean() const { return std::max<int64_t>(1, positions * batch / std::max<int64_t>(1, steps)); }

  // The size of a sample along an axis.
  int64_t length(int64_t b, int a) const {
    return lengths ? std::max<int64_t>(0, std::min(lengths[b * N + a], size[a])) : size[a];
  }

  // Adds the rows of a step of some samples.
  void rows(int64_t s, Range samples, std::vector<Row<N>> &to) const {
    for (int64_t b = samples.from; b < samples.to; ++b) {
      std::array<int64_t, N> own;
      for (int a = 0; a < N; ++a) own[a] = length(b, a);
      for (int64_t lane = 0; lane < lanes; ++lane) {
        std::array<int64_t, N> at = lane_at[size_t(lane)];
        at[skewed] = s;
        for (int a = 0; a < N; ++a)
          if (a != skewed) at[skewed] -= at[a];
        bool inside = at[skewed] >= 0;
        for (int a = 0; a < N; ++a) inside = inside && at[a] < own[a];
        if (inside) to.push_back(row(s, b, lane, at, own));
      }
    }
  }

  // The index of a row's predecessor along an axis among the rows of the step before.
  int64_t place_before(const Row<N> &row, int a) const { return row.place - (a == skewed ? 0 : lane_stride[a] * batch); }

  // The position of a row's predecessor in the caller's order.
  int64_t before(const Row<N> &row, int a) const { return backwards[a] ? row.t + stride[a] : row.t - stride[a]; }

  // Calls work(t) for every `members`-th position of the lattice, from `member` on, that is outside a sample.
  template <class Work> void outside(int64_t b, int64_t member, int64_t members, const Work &work) const {
    if (!lengths) return;
    for (int64_t t = member; t < positions; t += members) {
      bool inside = true;
      for (int a = 0; a < N; ++a) inside = inside && t / stride[a] % size[a] < length(b, a);
      if (!inside) work(t);
    }
  }

 private:
  const int64_t *lengths;
  std::array<int64_t, N> size, stride, lane_stride{}, backwards;
  int skewed;
  std::vector<std::array<int64_t, N>> lane_at;  // a lane's coordinates along all axes but the skewed one

  Row<N> row(int64_t s, int64_t b, int64_t lane, const std::array<int64_t, N> &at, const std::array<int64_t, N> &own) const {
    Row<N> made{s, b, 0, lane * batch + b, {}, {}, {}};
    std::array<int64_t, N> seen;  // coordinates in the caller's order
    for (int a = 0; a < N; ++a) {
      seen[a] = backwards[a] ? own[a] - 1 - at[a] : at[a];
      made.t += seen[a] * stride[a];
      made.first[a] = at[a] == 0;
      made.last[a] = at[a] == own[a] - 1;
    }
    for (int a = 0; a < N; ++a)
      for (int other = 0; other < N; ++other)
        if (other != a) made.face[a] = made.face[a] * size[other] + seen[other];
    return made;
  }
};

}  // namespace gatewise
