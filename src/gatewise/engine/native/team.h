// Threads that divide the rows of a batch, or the units of a row if rows are few.
#pragma once

#include <algorithm>
#include <cstdint>

namespace gatewise {

struct Range {
  int64_t from, to;
};

// Part number `part` of `parts` of the range 0..count, in multiples of `piece`.
inline Range partition(int64_t count, int64_t part, int64_t parts, int64_t piece = 1) {
  const int64_t pieces = (count + piece - 1) / piece;
  return {std::min(count, pieces * part / parts * piece), std::min(count, pieces * (part + 1) / parts * piece)};
}

class Barrier;

// A thread in its team: the rows of the team, and the number of the thread among its members.
class TeamMember {
 public:
  TeamMember(int64_t thread, int64_t threads, int64_t members, int64_t batch, Barrier *own, Barrier *all)
      : rows(partition(batch, thread / members, threads / members)),
        member(thread % members), members(members), thread(thread), threads(threads), own(own), all(all) {}

  const Range rows;
  const int64_t member, members, thread, threads;

  void wait_for_team();
  void wait_for_all();

 private:
  Barrier *own, *all;
  int64_t own_round = 0, all_round = 0;
};

// How the threads of a problem divide it: its rows, or, as one team, the units of all its rows.
struct Division {
  int64_t batch;
  bool share_units;
};

// Runs work(context, number, team) for all problems in parallel, each by its own threads. If the system provides fewer threads
// than requested, some problems wait for others. Each thread flushes subnormal numbers while it works.
void run_in_parallel(int64_t problems, int64_t threads, const Division *divisions,
                     void (*work)(const void *context, int64_t number, TeamMember &team), const void *context);

// The same with a function object, called as work(number, team).
template <class Work> void run_parallel(int64_t problems, int64_t threads, const Division *divisions, const Work &work) {
  const auto call = [](const void *context, int64_t number, TeamMember &team) { (*static_cast<const Work *>(context))(number, team); };
  run_in_parallel(problems, threads, divisions, call, &work);
}

}  // namespace gatewise
