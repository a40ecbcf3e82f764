// The threads of parallel problems, and the barriers at which they wait for each other.
#pragma once

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "flush.h"
#include "openmp.h"
#include "team.h"

namespace gatewise {

// Waits for another thread, usually for a fraction of a microsecond.
template <class Done> void spin(const Done &done) {
  for (int spins = 0; !done(); ++spins) {
    if (spins > 1000) std::this_thread::yield();  // another program runs on the other core
#if defined(__x86_64__) || defined(__i386__)
    else __builtin_ia32_pause();
#endif
  }
}

// A spinning barrier, which costs a fraction of a microsecond instead of several.
class Barrier {
 public:
  explicit Barrier(int64_t members) : members(members) {}

  void wait(int64_t &round) {
    if (members == 1) return;
    const int64_t all = ++round * members;
    arrived.fetch_add(1, std::memory_order_acq_rel);
    spin([&] { return arrived.load(std::memory_order_acquire) >= all; });
  }

 private:
  alignas(64) std::atomic<int64_t> arrived{0};
  alignas(64) const int64_t members;
};

void TeamMember::wait_for_team() { own->wait(own_round); }
void TeamMember::wait_for_all() { all->wait(all_round); }

// The threads of one problem. With few rows, all threads are one team that divides the units.
class ThreadTeam {
 public:
  ThreadTeam(int64_t threads, const Division &division)
      : threads(threads), members(division.share_units ? threads : 1), batch(division.batch), all(threads) {
    for (int64_t team = 0; team < threads / members; ++team) own.push_back(std::make_unique<Barrier>(members));
  }

  TeamMember member(int64_t thread) {
    return TeamMember(thread, threads, members, batch, own[size_t(thread / members)].get(), &all);
  }

 private:
  const int64_t threads, members, batch;
  Barrier all;
  std::vector<std::unique_ptr<Barrier>> own;
};

void run_in_parallel(int64_t problems, int64_t threads, const Division *divisions,
                     void (*work)(const void *context, int64_t number, TeamMember &team), const void *context) {
  if (problems * threads == 1) {  // a region of one thread would release OpenMP's other threads
    ThreadTeam alone(1, divisions[0]);
    TeamMember team = alone.member(0);
    const Flush flush;
    return work(context, 0, team);
  }
  std::vector<std::unique_ptr<ThreadTeam>> teams;
  std::atomic<bool> made{false};
  in_region(problems * threads, [&](int64_t thread, int64_t given) {
    const int64_t groups = std::min(problems, given);
    int64_t group = 0;
    while (partition(given, group, groups).to <= thread) ++group;
    const Range own = partition(given, group, groups);
    if (thread == 0) {
      for (int64_t number = 0; number < problems; ++number) {
        const Range its = partition(given, number % groups, groups);
        teams.push_back(std::make_unique<ThreadTeam>(its.to - its.from, divisions[number]));
      }
      made.store(true, std::memory_order_release);
    }
    spin([&] { return made.load(std::memory_order_acquire); });
    const Flush flush;
    for (int64_t number = group; number < problems; number += groups) {
      TeamMember team = teams[size_t(number)]->member(thread - own.from);
      work(context, number, team);
    }
  });
}

}  // namespace gatewise
