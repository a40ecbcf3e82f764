// The matrix memories of a batch: step by step, but for the gradient where each head has one factor. GATEWISE_NUMBER is the
// type of numbers.
#pragma once

#include "export.h"
#include "memory_chunks.h"
#include "memory_steps.h"

namespace gatewise {

using Number = GATEWISE_NUMBER;

}  // namespace gatewise

GATEWISE_EXPORT void forward(const gatewise::MemoryProblem<gatewise::Number> *p) { gatewise::run_steps_forward(*p); }

// Step by step, the gradients of keys and queries are added to: they must be zeros.
GATEWISE_EXPORT void backward(const gatewise::MemoryProblem<gatewise::Number> *p) {
  if (p->by_head) gatewise::run_chunks_backward(*p);
  else gatewise::run_steps_backward(*p);
}
