// The C interface of a compiled cell, for factors of type GATEWISE_NUMBER. `problem` and `gradients` are structs of
// problem.h; `packed` and `scratch` are memory of the caller, of the sizes from `sizes`.
#pragma once

#include "export.h"
#include "gatewise.h"

namespace gatewise {

using Element = GATEWISE_NUMBER;
using Number = NumberOf<Element>;
using OwnCell = Cell<Number>;
using OwnProblem = ProblemOf<Element, OwnCell>;
using OwnGradients = Gradients<Number, OwnCell>;
using OwnLattice = Lattice<OwnCell::axes>;
using OwnPacked = Packed<Element, OwnCell>;
using OwnForward = Forward<Element, OwnCell>;
#ifndef GATEWISE_INFERENCE
using OwnBackward = Backward<Element, OwnCell>;
#endif

}  // namespace gatewise

using namespace gatewise;

GATEWISE_EXPORT int64_t vector_lanes() { return lanes<Number>; }

// The units that are computed together, of one head.
GATEWISE_EXPORT int64_t unit_group() {
  using Way = WayOf<Number, Element>;
  return std::max<int64_t>(largest_group<Element, OwnCell>(), Way::rows * Way::whole);
}

// The bytes of the packed parameters, and of the scratch memory forward and backward.
GATEWISE_EXPORT void sizes(const OwnProblem *p, int64_t *bytes) {
  bytes[0] = OwnPacked(*p, nullptr).bytes;
  bytes[1] = OwnForward::shared_size(*p) * int64_t(sizeof(Number));
#ifndef GATEWISE_INFERENCE
  bytes[2] = OwnBackward::Shared(*p, p->lattice(), nullptr).bytes;
#endif
}

// A problem with its memory; all problems of a list run in parallel, with the same number of threads each.
struct Call {
  const OwnProblem *problem;
  const OwnGradients *gradients;  // null forward
  void *packed, *scratch;         // of the sizes above; `packed` holds no values before the call if weights are unpacked
};

// Whether all threads of `work(team, changed)` leave their mark of a change at zero.
template <class Work> bool unchanged(const OwnProblem *p, const Work &work) {
  const Division division{p->batch, false};
  std::vector<char> changed(size_t(p->threads), 0);
  run_parallel(1, p->threads, &division, [&](int64_t, TeamMember &team) { work(team, changed); });
  return std::find(changed.begin(), changed.end(), 1) == changed.end();
}

// Whether the parameters are equal to the packed ones.
GATEWISE_EXPORT int64_t same(const OwnProblem *p, void *memory) {
  const OwnPacked packed(*p, memory);
  return unchanged(p, [&](TeamMember &team, std::vector<char> &changed) { packed.compare(team, changed); });
}

// Packs the parameters. Returns whether they did not change meanwhile.
GATEWISE_EXPORT int64_t pack(const OwnProblem *p, void *memory) {
  OwnPacked packed(*p, memory);
  return unchanged(p, [&](TeamMember &team, std::vector<char> &changed) { packed.pack(team, changed); });
}

template <class Work> void run_calls(const Call *calls, int64_t count, const Work &work) {
  std::vector<OwnLattice> lattices;
  std::vector<Division> divisions;
  for (int64_t k = 0; k < count; ++k) {
    lattices.push_back(calls[k].problem->lattice());
    divisions.push_back({calls[k].problem->batch, calls[k].problem->share_units != 0});
  }
  run_parallel(count, calls[0].problem->threads, divisions.data(),
               [&](int64_t k, TeamMember &team) {
                 const TilesInUse<Element> tiles;
                 work(calls[k], lattices[size_t(k)], team);
               });
}

GATEWISE_EXPORT void forward(const Call *calls, int64_t count) {
  run_calls(calls, count, [](const Call &call, const OwnLattice &lattice, TeamMember &team) {
    OwnPacked packed(*call.problem, call.packed);
    if (call.problem->unpacked) {
      if (team.thread == 0) packed.pack_vectors();
      team.wait_for_all();
    }
    OwnForward work(*call.problem, packed, lattice, team, static_cast<Number *>(call.scratch));
    work.run(0, lattice.steps);
    work.fill_rest();
  });
}

#ifndef GATEWISE_INFERENCE
GATEWISE_EXPORT void backward(const Call *calls, int64_t count) {
  run_calls(calls, count, [](const Call &call, const OwnLattice &lattice, TeamMember &team) {
    OwnPacked packed(*call.problem, call.packed);
    if (call.problem->unpacked && team.thread == 0) packed.pack_vectors();  // the others wait before they read them
    const OwnBackward::Shared shared(*call.problem, lattice, call.scratch);
    OwnBackward(*call.problem, *call.gradients, packed, lattice, team, shared).run();
  });
}
#endif
