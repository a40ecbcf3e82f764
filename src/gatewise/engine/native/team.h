// Threads that share the rows of a batch, and the units of a row where rows are few.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <omp.h>
#include <sched.h>
#include <vector>

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

// Runs `work(team)` in all threads. Few rows: all threads are one team that shares the units.
template <class Work> void in_teams(int64_t threads, bool share_units, int64_t batch, const Work &work) {
  std::unique_ptr<Meeting> all;
  std::vector<std::unique_ptr<Meeting>> meetings;
#pragma omp parallel num_threads(int(threads))
  {
    // The system may give fewer threads than were asked for.
    const int64_t count = omp_get_num_threads(), members = share_units ? count : 1;
#pragma omp single
    {
      all = std::make_unique<Meeting>(count);
      for (int64_t team = 0; team < count / members; ++team) meetings.push_back(std::make_unique<Meeting>(members));
    }
    Team team(omp_get_thread_num(), count, members, batch, meetings[size_t(omp_get_thread_num() / members)].get(), all.get());
    work(team);
  }
}

}  // namespace gatewise
