// Parallel regions, by the OpenMP runtime that the process has already loaded: PyTorch's. These functions are the interface
// of GCC's runtime, which LLVM's and Intel's also have; neither a compiler with OpenMP nor another runtime is needed.
#pragma once

#include <cstdint>

#if defined(_WIN32)
#include "openmp_windows.h"
#else

extern "C" {
void GOMP_parallel(void (*work)(void *context), void *context, unsigned threads, unsigned flags);
int omp_get_thread_num();
int omp_get_num_threads();
}

namespace gatewise {

// Calls work(thread, threads) in each of the threads that the runtime provides, at most those requested.
template <class Work> void in_region(int64_t threads, const Work &work) {
  const auto call = [](void *context) noexcept {
    (*static_cast<const Work *>(context))(int64_t(omp_get_thread_num()), int64_t(omp_get_num_threads()));
  };
  GOMP_parallel(call, const_cast<Work *>(&work), unsigned(threads), 0);
}

}  // namespace gatewise

#endif
