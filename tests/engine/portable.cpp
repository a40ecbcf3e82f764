// Runs a generated cell, which comes before this text, on numbers that every machine makes alike, and prints all results.
#include <cstdio>
#include <cstdlib>
#include <vector>

static uint32_t seed = 1;

static float number() {
  seed = seed * 1664525u + 1013904223u;
  return float(seed >> 8) / float(1 << 23) - 1.0f;
}

template <class T> static std::vector<T> several(int64_t count, bool zeros = false) {
  std::vector<T> values(size_t(count), T(0));
  if (!zeros)
    for (T &one : values) one = number();
  return values;
}

static void *memory(int64_t bytes) { return std::aligned_alloc(64, size_t(bytes + 63) / 64 * 64 + 64); }

static void show(const char *name, const std::vector<float> &values) {
  std::printf("%s", name);
  for (const float one : values) std::printf(" %.9g", double(one));
  std::printf("\n");
}

int main() {
  constexpr int64_t steps = 5, batch = 3, inputs = 5, units = 11, lanes = 4, padded = (units + lanes - 1) / lanes * lanes;
  static_assert(gatewise::lanes<float> == lanes);
  for (const int64_t share : {0, 1}) {
    OwnProblem p{};
    OwnGradients by{};
    p.size[0] = steps, p.batch = batch, p.inputs = inputs, p.units = p.outputs = units, p.heads = 1;
    p.threads = 2, p.share_units = share;
    std::vector<std::vector<float>> own;
    own.reserve(200);  // so that no vector moves
    const auto keep = [&](std::vector<float> values) { return own.push_back(std::move(values)), own.back().data(); };
    const auto kept = [&](int64_t rows, bool zeros) { return keep(several<float>(rows * padded, zeros)); };
    for (const float *&one : p.matrix) one = keep(several<float>(units * units));
    for (const float *&one : p.bias) one = keep(several<float>(units));
    for (const float *&one : p.vector) one = keep(several<float>(units));
    p.input = {keep(several<float>(steps * batch * inputs)), batch * inputs, inputs, -1};
    for (auto &one : p.initial) one = {kept(batch, false), 0, padded, -1};
    for (auto &one : by.by_state) one = {kept(steps * batch, false), batch * padded, padded, -1};
    const size_t results = own.size();
    for (auto &one : p.state) one = {kept(steps * batch, true), batch * padded, padded, -1};
    for (auto &one : p.final) one = {kept(batch, true), 0, padded, -1};
    p.kept = {kept(steps * batch * OwnCell::kept, true), batch * OwnCell::kept * padded, OwnCell::kept * padded, -1};
    for (auto &one : by.by_final) one.ring = -1;
    by.by_kept.ring = -1;
    by.input = {keep(several<float>(steps * batch * inputs, true)), batch * inputs, inputs, -1};
    for (auto &one : by.initial) one = {kept(batch, true), 0, padded, -1};
    for (float *&one : by.matrix) one = keep(several<float>(units * units, true));
    for (float *&one : by.bias) one = keep(several<float>(units, true));
    for (float *&one : by.vector) one = keep(several<float>(units, true));
    int64_t bytes[3] = {};
    sizes(&p, bytes);
    void *const packed = memory(bytes[0]);
    if (!pack(&p, packed) || !same(&p, packed)) return 1;
    Call call{&p, nullptr, packed, memory(bytes[1])};
    forward(&call, 1);
    call.gradients = &by, call.scratch = memory(bytes[2]);
    backward(&call, 1);
    for (size_t i = results; i < own.size(); ++i) show("result", own[i]);
  }
}
