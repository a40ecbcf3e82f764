// OpenMP's functions that kernels call, by std::thread, whose order of events the thread sanitizer knows.
#include <thread>
#include <vector>

static thread_local int number = 0, region = 1;

extern "C" int omp_get_thread_num() { return number; }
extern "C" int omp_get_num_threads() { return region; }

extern "C" void GOMP_parallel(void (*work)(void *), void *data, unsigned members, unsigned) {
  std::vector<std::thread> others;
  const auto run = [&](int which) { region = int(members), number = which, work(data), region = 1, number = 0; };
  for (int which = 1; which < int(members); ++which) others.emplace_back(run, which);
  run(0);
  for (std::thread &one : others) one.join();
}
