// Means over the units of a row, for layer normalisation and its gradient.
#pragma once

#include <cmath>

#include "step.h"

namespace gatewise {

constexpr double normalise_epsilon = 1e-5;  // added to the variance, as in the notation of cells

// The sum of value(k, u) over the rows k of a normaliser and its units, `value` returns a vector.
template <class T, class Value> T sum_over(int rows, int64_t units, const Value &value) {
  constexpr int L = lanes<T>;
  Vector<T> total{};
  const int64_t whole = units / L * L;
  for (int k = 0; k < rows; ++k)
    for (int64_t u = 0; u < whole; u += L) total += value(k, u);
  T sum = 0;
  for (int l = 0; l < L; ++l) sum += total[l];
  for (int k = 0; k < rows && whole < units; ++k) {
    const Vector<T> last = value(k, whole);
    for (int64_t l = 0; l < units - whole; ++l) sum += last[l];
  }
  return sum;
}

// Mean and 1 / deviation of the values of normaliser `number`, in two passes, so that the variance does not cancel.
template <class T, class Cell> void normalise(const Step<T, Cell> &step, int number, int64_t units) {
  const Normaliser &own = Cell::normalisers[size_t(number)];
  const T *row[16];
  for (int k = 0; k < own.rows; ++k) row[k] = step.at(own.row[k]);
  const T count = T(own.rows * units);
  const T mean = sum_over<T>(own.rows, units, [&](int k, int64_t u) { return load(row[k] + u); }) / count;
  const T variance = sum_over<T>(own.rows, units, [&](int k, int64_t u) {
    const Vector<T> away = load(row[k] + u) - mean;
    return away * away;
  }) / count;
  step.numbers[4 * number] = mean;
  step.numbers[4 * number + 1] = T(1) / std::sqrt(variance + T(normalise_epsilon));
}

// The means of the gradient and of its product with the standardised values.
template <class T, class Cell> void normalise_gradient(const Step<T, Cell> &step, int number, int64_t units) {
  const Normaliser &own = Cell::normalisers[size_t(number)];
  const T *row[16], *gradient[16];
  for (int k = 0; k < own.rows; ++k) row[k] = step.at(own.row[k]), gradient[k] = step.entries + own.entry[k] * step.stride;
  const T mean = step.numbers[4 * number], scale = step.numbers[4 * number + 1], count = T(own.rows * units);
  step.numbers[4 * number + 2] = sum_over<T>(own.rows, units, [&](int k, int64_t u) { return load(gradient[k] + u); }) / count;
  step.numbers[4 * number + 3] = sum_over<T>(own.rows, units, [&](int k, int64_t u) {
    return load(gradient[k] + u) * ((load(row[k] + u) - mean) * scale);
  }) / count;
}

}  // namespace gatewise
