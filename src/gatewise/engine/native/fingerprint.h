// A fingerprint of all bits of some numbers, to detect changed parameters.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>

#include "vector.h"

#if defined(GATEWISE_PRODUCTS) && defined(__SSE2__)
#include <immintrin.h>
#endif

namespace gatewise {

using Mark = std::array<uint64_t, 16>;

Mark fingerprint(const void *from, int64_t bytes);

#ifdef GATEWISE_PRODUCTS

// 1024 bits. In a block, each pair of 32-bit numbers is multiplied, to 64 bits, after a key of its position was added to
// each: NH, the universal hash of UMAC (Black et al. 1999). It is done with two sets of keys, so that a number is not
// hidden where a factor is zero, and a single changed 32-bit number always shows. The sum of a block's products
// then passes through a permutation of 64 bits together with all blocks before.
class Fingerprint {
 public:
  Fingerprint(const void *from, int64_t bytes) {
    const char *at = static_cast<const char *>(from), *const end = at + bytes;
    for (; end - at >= lines * line; at += lines * line) add_block(at, lines);
    if (at == end) return;
    char rest[lines * line];
    std::memset(rest + (end - at) / line * line, 0, line);
    std::memcpy(rest, at, size_t(end - at));
    add_block(rest, int(end - at + line - 1) / line);
  }

  Mark mark() const {
    Mark all;
    std::memcpy(all.data(), chain, sizeof chain);
    return all;
  }

 private:
  typedef uint64_t Pairs __attribute__((vector_size(GATEWISE_VECTOR_BYTES)));
  typedef uint32_t Singles __attribute__((vector_size(GATEWISE_VECTOR_BYTES)));
  static constexpr int line = 64, lines = 16, vectors = line / GATEWISE_VECTOR_BYTES;

  // From splitmix64 (Steele et al. 2014). The second set is the first, shifted by a line.
  static constexpr auto keys = [] {
    std::array<uint32_t, (lines + 1) * line / 4> made{};
    uint64_t state = 0;
    for (uint32_t &key : made) {
      state += 0x9e3779b97f4a7c15;
      uint64_t mixed = (state ^ state >> 30) * 0xbf58476d1ce4e5b9;
      mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111eb;
      key = uint32_t((mixed ^ mixed >> 31) >> 32);
    }
    return made;
  }();

  Pairs chain[2][vectors] = {};

  // The first `count` lines of a block.
  GATEWISE_INLINE void add_block(const char *from, int count) {
    Pairs sum[2][vectors] = {};
#pragma GCC unroll 16
    for (int place = 0; place < count; ++place)
      for (int v = 0; v < vectors; ++v) {
        Singles numbers, key;
        std::memcpy(&numbers, from + place * line + v * GATEWISE_VECTOR_BYTES, sizeof numbers);
        for (int set = 0; set < 2; ++set) {
          std::memcpy(&key, keys.data() + ((place + set) * line + v * GATEWISE_VECTOR_BYTES) / 4, sizeof key);
          sum[set][v] += product(Pairs(numbers + key));
        }
      }
    for (int set = 0; set < 2; ++set)
      for (int v = 0; v < vectors; ++v) {
        Pairs mixed = chain[set][v] + sum[set][v] + 0x9e3779b97f4a7c15;
        mixed = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9;
        mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111eb;
        chain[set][v] = mixed ^ mixed >> 31;
      }
  }

  // The two halves of each pair multiplied, all 64 bits.
  static GATEWISE_INLINE Pairs product(Pairs pairs) {
#if GATEWISE_VECTOR_BYTES == 64
    return Pairs(_mm512_mul_epu32(__m512i(pairs), __m512i(pairs >> 32)));
#elif GATEWISE_VECTOR_BYTES == 32
    return Pairs(_mm256_mul_epu32(__m256i(pairs), __m256i(pairs >> 32)));
#elif defined(__SSE2__)
    return Pairs(_mm_mul_epu32(__m128i(pairs), __m128i(pairs >> 32)));
#else
    return (pairs & 0xffffffff) * (pairs >> 32);
#endif
  }
};

Mark fingerprint(const void *from, int64_t bytes) { return Fingerprint(from, from ? bytes : 0).mark(); }
#endif

}  // namespace gatewise
