// The arguments of the operation of matrix memories: for each head C = (a b^T) * C + u k^T, and y = C q.
#pragma once

#include <cstdint>

namespace gatewise {

// Of B rows with `heads` heads of `units` units and `keys` keys each. All arrays are contiguous.
template <class T> struct MemoryProblem {
  int64_t steps, batch, heads, units, keys, threads;
  int64_t by_head;              // whether a has one number for each head, [T, B, heads]; then b is null
  const uint8_t *resets;        // [T, B], whether a memory is zeros before the step; or null
  const T *a, *b, *u, *k, *q;   // [T, B, heads units or keys] by unit, key, unit, key, key; b may be null, for ones
  const T *initial;             // [B, heads units, keys]
  T *y, *final;                 // [T, B, heads units], [B, heads units, keys]
  const T *by_y, *by_final;     // backward: the gradients of both; by_final may be null
  T *by_a, *by_b, *by_u, *by_k, *by_q, *by_initial;  // the gradients of what was given

  bool resets_at(int64_t t, int64_t b) const { return resets && resets[t * batch + b]; }
  int64_t of_head(int64_t t, int64_t b, int64_t head) const { return (t * batch + b) * heads + head; }
  int64_t of_units(int64_t t, int64_t b, int64_t head) const { return of_head(t, b, head) * units; }
  int64_t of_keys(int64_t t, int64_t b, int64_t head) const { return of_head(t, b, head) * keys; }
  int64_t memory(int64_t b, int64_t head) const { return (b * heads + head) * units * keys; }
};

}  // namespace gatewise
