// Threads that divide the rows of a batch, or the units of a row if rows are few.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <omp.h>
#include <sched.h>
#include <vector>

#include "flush.h"

namespace gatewise {

struct Range {
  int64_t from, to;
};

// Part number `part` of `parts` of the range 0..count, in multiples of `piece`.
inline Range partition(int64_t count, int64_t part, int64_t parts, int64_t piece = 1) {
  const int64_t pieces = (count + piece - 1) / piece;
  return {std::min(count, pieces * part / parts * piece), std::min(count, pieces * (part + 1) / parts * piece)};
}

// A spinning barrier, which costs a fraction of a microsecond instead of several.
class Barrier {
 public:
  explicit Barrier(int64_t members) : members(members) {}

  void wait(int64_t &round) {
    if (members == 1) return;
    const int64_t all = ++round * members;
    arrived.fetch_add(1, std::memory_order_acq_rel);
    for (int spins = 0; arrived.load(std::memory_order_acquire) < all; ++spins)
      if (spins > 1000) sched_yield();  // another program runs on the other core
      else pause();
  }

 private:
  static void pause() {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#endif
  }

  alignas(64) std::atomic<int64_t> arrived{0};
  alignas(64) const int64_t members;
};

// A thread in its team: the rows of the team, and the number of the thread among its members.
class TeamMember {
 public:
  TeamMember(int64_t thread, int64_t threads, int64_t members, int64_t batch, Barrier *own, Barrier *all)
      : rows(partition(batch, thread / members, threads / members)),
        member(thread % members), members(members), thread(thread), threads(threads), own(own), all(all) {}

  const Range rows;
  const int64_t member, members, thread, threads;

  void wait_for_team() { own->wait(own_round); }
  void wait_for_all() { all->wait(all_round); }

 private:
  Barrier *own, *all;
  int64_t own_round = 0, all_round = 0;
};

// The threads of one problem. With few rows, all threads are one team that divides the units.
class ThreadTeam {
 public:
  ThreadTeam(int64_t threads, bool share_units, int64_t batch)
      : threads(threads), members(share_units ? threads : 1), batch(batch), all(threads) {
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

// Runs `work(number, team)` for all problems in parallel, each by its own threads; `make_team(number, threads)` makes the
// team of a problem. If the system provides fewer threads than requested, some problems wait for others. Each thread flushes
// subnormal numbers while it works.
template <class Make, class Work> void run_parallel(int64_t problems, int64_t threads, const Make &make_team, const Work &work) {
  if (problems * threads == 1) {  // a region of one thread would release OpenMP's other threads
    const std::unique_ptr<ThreadTeam> alone = make_team(0, 1);
    TeamMember team = alone->member(0);
    const Flush flush;
    return work(0, team);
  }
  std::vector<std::unique_ptr<ThreadTeam>> teams;
#pragma omp parallel num_threads(int(problems * threads))
  {
    const int64_t given = omp_get_num_threads(), thread = omp_get_thread_num(), groups = std::min(problems, given);
    int64_t group = 0;
    while (partition(given, group, groups).to <= thread) ++group;
    const Range own = partition(given, group, groups);
#pragma omp single
    for (int64_t number = 0; number < problems; ++number) {
      const Range its = partition(given, number % groups, groups);
      teams.push_back(make_team(number, its.to - its.from));
    }
    const Flush flush;
    for (int64_t number = group; number < problems; number += groups) {
      TeamMember team = teams[size_t(number)]->member(thread - own.from);
      work(number, team);
    }
  }
}

}  // namespace gatewise
