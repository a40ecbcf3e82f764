// The C interface of a compiled cell, for factors of type GATEWISE_NUMBER. `problem` and `gradients` are structs of
// problem.h; `packed` and `scratch` are memory of the caller's, of the sizes that `sizes` gives.
#pragma once

#include "backward.h"

#define GATEWISE_EXPORT extern "C" __attribute__((visibility("default")))

namespace gatewise {

using Element = GATEWISE_NUMBER;
using Number = NumberOf<Element>;
using OwnCell = Cell<Number>;
using OwnProblem = Problem<Number, OwnCell>;
using OwnGradients = Gradients<Number, OwnCell>;
using OwnPacked = Packed<Element, OwnCell>;
using OwnForward = Forward<Element, OwnCell>;
using OwnBackward = Backward<Element, OwnCell>;

}  // namespace gatewise

using namespace gatewise;

GATEWISE_EXPORT int64_t vector_lanes() { return lanes<Number>; }

// Bytes of the packed parameters, and of the scratch memory forward and backward.
GATEWISE_EXPORT void sizes(const OwnProblem *p, int64_t *bytes) {
  bytes[0] = OwnPacked(*p, nullptr).bytes;
  bytes[1] = OwnForward::shared_size(*p) * int64_t(sizeof(Number));
  bytes[2] = OwnBackward::Shared(*p, nullptr).bytes;
}

// Whether the parameters are those that `pack` saw.
GATEWISE_EXPORT int64_t same(const OwnProblem *p, void *memory) {
  const OwnPacked packed(*p, memory);
  std::vector<uint32_t> marked(size_t(packed.parts * packed.marks));
  bool all = true;
  in_teams(p->threads, false, p->batch, [&](Team &team) {
    const bool own = packed.same(team, marked.data());
    if (team.thread == 0) all = own;
  });
  return all;
}

GATEWISE_EXPORT void pack(const OwnProblem *p, void *memory) {
  OwnPacked packed(*p, memory);
  in_teams(p->threads, false, p->batch, [&](Team &team) { packed.pack(team); });
}

GATEWISE_EXPORT void forward(const OwnProblem *p, void *memory, void *scratch) {
  const OwnPacked packed(*p, memory);
  const Order order(p->steps, p->batch, p->lengths, p->reverse);
  in_teams(p->threads, p->share_units, p->batch, [&](Team &team) {
    OwnForward work(*p, packed, order, team, static_cast<Number *>(scratch));
    work.run(0, p->steps);
    work.fill_rest();
  });
}

GATEWISE_EXPORT void backward(const OwnProblem *p, const OwnGradients *gradients, void *memory, void *scratch) {
  const OwnPacked packed(*p, memory);
  const Order order(p->steps, p->batch, p->lengths, p->reverse);
  const OwnBackward::Shared shared(*p, scratch);
  in_teams(p->threads, p->share_units, p->batch, [&](Team &team) {
    OwnBackward(*p, *gradients, packed, order, team, shared).run();
  });
}
