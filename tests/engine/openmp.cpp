// OpenMP's functions that kernels call, by std::thread, whose order of events the thread sanitizer knows.
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

struct Region {
  std::mutex mutex;
  std::condition_variable all_there;
  int members, waiting = 0, round = 0;
  bool single_taken = false;
};
static thread_local Region *region = nullptr;
static thread_local int number = 0;

extern "C" int omp_get_thread_num() { return number; }
extern "C" int omp_get_num_threads() { return region ? region->members : 1; }

extern "C" void GOMP_barrier() {
  std::unique_lock<std::mutex> lock(region->mutex);
  const int round = region->round;
  if (++region->waiting == region->members) {
    region->waiting = 0, ++region->round, region->single_taken = false;
    region->all_there.notify_all();
  } else {
    region->all_there.wait(lock, [&] { return region->round != round; });
  }
}

extern "C" bool GOMP_single_start() {
  const std::lock_guard<std::mutex> lock(region->mutex);
  const bool first = !region->single_taken;
  region->single_taken = true;
  return first;
}

extern "C" void GOMP_parallel(void (*work)(void *), void *data, unsigned members, unsigned) {
  Region own;
  own.members = int(members);
  std::vector<std::thread> others;
  const auto run = [&](int which) { region = &own, number = which, work(data), region = nullptr, number = 0; };
  for (int which = 1; which < int(members); ++which) others.emplace_back(run, which);
  run(0);
  for (std::thread &one : others) one.join();
}
