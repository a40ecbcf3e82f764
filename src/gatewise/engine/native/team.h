// Threads that share the rows of a batch, and the units of a row where rows are few.
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

// Part `part` of `parts` of 0..count, in pieces of `piece`.
inline Range share(int64_t count, int64_t part, int64_t parts, int64_t piece = 1) {
  const int64_t pieces = (count + piece - 1) / piece;
  return {std::min(count, pieces * part / parts * piece), std::min(count, pieces * (part + 1) / parts * piece)};
}

// Where threads wait for each other, spinning: a meeting costs a fraction of a microsecond, not several.
class Meeting {
 public:
  explicit Meeting(int64_t members) : members(members) {}

  void wait(int64_t &round) {
    if (members == 1) return;
    const int64_t all = ++round * members;
    arrived.fetch_add(1, std::memory_order_acq_rel);
    for (int spins = 0; arrived.load(std::memory_order_acquire) < all; ++spins)
      if (spins > 1000) sched_yield();  // another program has the other core
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

// A thread's place: which rows are its team's, and which of the team's members it is.
class Team {
 public:
  Team(int64_t thread, int64_t threads, int64_t members, int64_t batch, Meeting *own, Meeting *all)
      : rows(share(batch, thread / members, threads / members)),
        member(thread % members), members(members), thread(thread), threads(threads), own(own), all(all) {}

  const Range rows;
  const int64_t member, members, thread, threads;

  void meet() { own->wait(own_round); }
  void meet_all() { all->wait(all_round); }

 private:
  Meeting *own, *all;
  int64_t own_round = 0, all_round = 0;
};

// The threads that run one problem. Few rows: all of them are one team that shares the units.
class Crew {
 public:
  Crew(int64_t threads, bool share_units, int64_t batch)
      : threads(threads), members(share_units ? threads : 1), batch(batch), all(threads) {
    for (int64_t team = 0; team < threads / members; ++team) own.push_back(std::make_unique<Meeting>(members));
  }

  Team team(int64_t thread) { return Team(thread, threads, members, batch, own[size_t(thread / members)].get(), &all); }

 private:
  const int64_t threads, members, batch;
  Meeting all;
  std::vector<std::unique_ptr<Meeting>> own;
};

// Runs `work(number, team)` for all problems at once, each by its own share of the threads; `crew(number, threads)` makes
// a problem's crew. The system may give fewer threads than were asked for: then some problems wait for others. Each thread
// flushes subnormal numbers while it works.
template <class Make, class Work> void at_once(int64_t problems, int64_t threads, const Make &crew, const Work &work) {
  if (problems * threads == 1) {  // a region of one would let OpenMP's other threads go
    const std::unique_ptr<Crew> alone = crew(0, 1);
    Team team = alone->team(0);
    const Flush flush;
    return work(0, team);
  }
  std::vector<std::unique_ptr<Crew>> crews;
#pragma omp parallel num_threads(int(problems * threads))
  {
    const int64_t given = omp_get_num_threads(), thread = omp_get_thread_num(), groups = std::min(problems, given);
    int64_t group = 0;
    while (share(given, group, groups).to <= thread) ++group;
    const Range own = share(given, group, groups);
#pragma omp single
    for (int64_t number = 0; number < problems; ++number) {
      const Range its = share(given, number % groups, groups);
      crews.push_back(crew(number, its.to - its.from));
    }
    const Flush flush;
    for (int64_t number = group; number < problems; number += groups) {
      Team team = crews[size_t(number)]->team(thread - own.from);
      work(number, team);
    }
  }
}

}  // namespace gatewise
