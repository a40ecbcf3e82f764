// The floating-point mode of the threads of PyTorch: the calling thread, and those of its parallel regions.
#pragma once

#include "export.h"
#include "flush.h"
#include "openmp.h"

// Makes all threads flush subnormal numbers, and writes the previous mode of each.
GATEWISE_EXPORT void start_flushing(uint64_t *found, int64_t threads) {
  using gatewise::Flush;
  const auto start = [&](int64_t thread) {
    found[thread] = Flush::control();
    Flush::control(found[thread] | Flush::bits);
  };
  for (int64_t thread = 1; thread < threads; ++thread) found[thread] = Flush::control();
  if (threads == 1) return start(0);
  gatewise::in_region(threads, [&](int64_t thread, int64_t) { start(thread); });
}

// Restores the mode of each thread.
GATEWISE_EXPORT void restore(const uint64_t *found, int64_t threads) {
  using gatewise::Flush;
  if (threads == 1) return Flush::control(found[0]);
  gatewise::in_region(threads, [&](int64_t thread, int64_t) { Flush::control(found[thread]); });
}
