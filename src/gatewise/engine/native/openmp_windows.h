// The same on Windows, where PyTorch has Intel's runtime, whose functions have other names and are looked up in its library.
#pragma once

#include <cstdint>

extern "C" {
__declspec(dllimport) void *__stdcall GetModuleHandleA(const char *name);
__declspec(dllimport) void *__stdcall GetProcAddress(void *library, const char *name);
}

namespace gatewise {

class IntelRuntime {
 public:
  using Call = void (*)(int32_t *thread, int32_t *bound, void *context);

  IntelRuntime() {
    void *const library = GetModuleHandleA("libiomp5md.dll");
    if (!library) return;
    find(library, "omp_get_thread_num", thread);
    find(library, "omp_get_num_threads", threads);
    find(library, "__kmpc_global_thread_num", own_number);
    find(library, "__kmpc_push_num_threads", request);
    find(library, "__kmpc_fork_call", fork);
  }

  bool complete() const { return thread && threads && own_number && request && fork; }

  int (*thread)() = nullptr;
  int (*threads)() = nullptr;
  int32_t (*own_number)(void *place) = nullptr;
  void (*request)(void *place, int32_t number, int32_t threads) = nullptr;
  void (*fork)(void *place, int32_t arguments, Call call, ...) = nullptr;

 private:
  template <class Function> static void find(void *library, const char *name, Function &function) {
    function = reinterpret_cast<Function>(GetProcAddress(library, name));
  }
};

// Calls work(thread, threads) in each of the threads that the runtime provides; in this one alone if there is no runtime.
template <class Work> void in_region(int64_t threads, const Work &work) {
  static const IntelRuntime runtime;
  if (!runtime.complete()) return work(0, 1);
  struct Place {
    int32_t unused[4] = {0, 2, 0, 0};  // 2: it is a place of the interface of LLVM's compilers
    const char *name = ";unknown;unknown;0;0;;";
  };
  static Place place;
  struct Context {
    const Work &work;
    const IntelRuntime &runtime;
  } context{work, runtime};
  const auto call = [](int32_t *, int32_t *, void *given) noexcept {
    const Context &own = *static_cast<const Context *>(given);
    own.work(int64_t(own.runtime.thread()), int64_t(own.runtime.threads()));
  };
  runtime.request(&place, runtime.own_number(&place), int32_t(threads));
  runtime.fork(&place, 1, static_cast<IntelRuntime::Call>(call), static_cast<void *>(&context));
}

}  // namespace gatewise
