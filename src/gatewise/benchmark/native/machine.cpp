// What the processor and its memory can do: the best that any kernel could reach.

#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <thread>

#include "openmp.h"

#if defined(__AVX512F__)
constexpr int bytes = 64, accumulators = 20;
#elif defined(__AVX__)
constexpr int bytes = 32, accumulators = 12;
#elif defined(__aarch64__)
constexpr int bytes = 16, accumulators = 20;
#else
constexpr int bytes = 16, accumulators = 10;
#endif
constexpr int lanes = bytes / sizeof(float);
typedef float Vector __attribute__((vector_size(bytes)));

static volatile float sink;

// Seconds that all threads together need for one call each of `work(thread)`; the first call warms up.
template <class Work>
static double timed(int threads, Work work) {
    using Clock = std::chrono::steady_clock;
    double best = 1e30;
    for (int round = 0; round < 6; ++round) {
        Clock::time_point began;
        std::atomic<int64_t> arrived{0};
        gatewise::in_region(threads, [&](int64_t thread, int64_t given) {
            for (++arrived; arrived < given;) std::this_thread::yield();
            if (thread == 0) began = Clock::now();
            work(int(thread));
        });
        const double took = std::chrono::duration<double>(Clock::now() - began).count();
        if (round > 0 && took < best) best = took;
    }
    return best;
}

static float sum(Vector values) {
    float total = 0;
    for (int lane = 0; lane < lanes; ++lane) total += values[lane];
    return total;
}

// Operations a second of float32 multiply-adds, `value = value * factor + more`, that wait for nothing but themselves;
// 0 if a value is not normal at the end: arithmetic on subnormal or infinite numbers takes another time.
extern "C" double peak(int threads, int64_t rounds, float factor, float more) {
    std::atomic<bool> normal{true};
    const double seconds = timed(threads, [&](int) {
        Vector values[accumulators];
        for (int place = 0; place < accumulators; ++place) values[place] = Vector{} + 1.0f + float(place);
        for (int64_t round = 0; round < rounds; ++round)
#pragma GCC unroll 32
            for (int place = 0; place < accumulators; ++place) values[place] = values[place] * factor + more;
        for (const Vector &one : values)
            for (int lane = 0; lane < lanes; ++lane)
                if (!std::isnormal(one[lane])) normal = false;
    });
    return normal ? 2.0 * lanes * accumulators * rounds * threads / seconds : 0;
}

static Vector *filled(int64_t size) {
    Vector *values = static_cast<Vector *>(std::aligned_alloc(4096, size * bytes));
    for (int64_t place = 0; values && place < size; ++place) values[place] = Vector{} + 1.0f;
    return values;
}

// Bytes a second that the threads read, each again and again from memory of its own of that size; 0: no memory.
extern "C" double reading(int threads, int64_t each, int64_t total) {
    const int64_t size = each / (64 * bytes) * 64, rounds = total / each + 1;
    Vector *memory = filled(size * threads);
    if (!memory) return 0;
    const double seconds = timed(threads, [&](int thread) {
        const Vector *own = memory + size * thread;
        Vector totals[8] = {};
        for (int64_t round = 0; round < rounds; ++round) {
            for (int64_t place = 0; place < size; place += 8)
#pragma GCC unroll 8
                for (int next = 0; next < 8; ++next) totals[next] += own[place + next];
            asm volatile("" ::: "memory");  // so that the next round reads again
        }
        Vector every = {};
        for (const Vector &one : totals) every += one;
        sink = sum(every);
    });
    std::free(memory);
    return double(size) * bytes * rounds * threads / seconds;
}

// Bytes a second of a[i] = b[i] + 3 c[i] over arrays that no cache holds, counted as three; 0: no memory.
extern "C" double triad(int threads, int64_t each) {
    const int64_t size = each / bytes;
    Vector *a = filled(size * threads), *b = filled(size * threads), *c = filled(size * threads);
    double seconds = 0;
    if (a && b && c)
        seconds = timed(threads, [&](int thread) {
            for (int64_t place = size * thread; place < size * (thread + 1); ++place)
                a[place] = b[place] + 3.0f * c[place];
            sink = a[size * thread][0];
        });
    std::free(a), std::free(b), std::free(c);
    return seconds > 0 ? 3.0 * size * bytes * threads / seconds : 0;
}
