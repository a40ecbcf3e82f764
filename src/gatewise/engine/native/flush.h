// Flushes subnormal numbers to zero: an operation on one takes 150 cycles on some processors, and vanishing gradients are
// full of them.
#pragma once

#include <cstdint>

namespace gatewise {

// During its lifetime, the arithmetic of its thread flushes subnormal operands and results to zero.
class Flush {
 public:
  Flush() : found(control()) { control(found | bits); }
  ~Flush() { control(found); }
  Flush(const Flush &) = delete;
  Flush &operator=(const Flush &) = delete;

  // The register that controls a thread's floating-point arithmetic, and its bits that flush results and operands.
#if defined(__x86_64__)
  static constexpr uint64_t bits = 0x8000 | 0x0040;
  static uint64_t control() { return __builtin_ia32_stmxcsr(); }
  static void control(uint64_t mode) { __builtin_ia32_ldmxcsr(uint32_t(mode)); }
#elif defined(__aarch64__)
  static constexpr uint64_t bits = 1 << 24;
  static uint64_t control() {
    uint64_t mode;
    __asm__ volatile("mrs %0, fpcr" : "=r"(mode));
    return mode;
  }
  static void control(uint64_t mode) { __asm__ volatile("msr fpcr, %0" : : "r"(mode)); }
#else
  static constexpr uint64_t bits = 0;
  static uint64_t control() { return 0; }
  static void control(uint64_t) {}
#endif

 private:
  const uint64_t found;
};

}  // namespace gatewise
