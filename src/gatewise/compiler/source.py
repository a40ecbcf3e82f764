"""A cell's stages and their gradient as C++ over a vector type."""

from __future__ import annotations

from functools import cache

from gatewise.compiler.cpp import CPP, statement
from gatewise.compiler.gradient import Gradient, entries, kept
from gatewise.compiler.layout import TORCH_NAMES
from gatewise.compiler.program import PROJECTION
from gatewise.compiler.stages import RowLocation, Stage, StagePlan
from gatewise.compiler.statements import Row, written
from gatewise.compiler.values import Values, stored, variable


@cache
def source(plan: StagePlan) -> str:
    """The C++ code of a cell: its sizes, and for each stage the slots and a forward and backward step."""
    stages = [_stage(plan, number) for number in range(len(plan.stages))]
    names = ", ".join(f"Stage{number}" for number in range(len(stages)))
    groups = [
        f"{{{len(rows)}, {{{', '.join(_place(one) for one in rows)}}}, "
        f"{{{', '.join(str(entries(plan)[group, one]) for one in rows)}}}}}"
        for group, rows in plan.normalizers
    ]
    sums = [str(index) for index, _, _ in plan.biases]
    return f"""// {plan.cell.__name__}, whose lines are numbered: {_legend(plan)}
#include "gatewise.h"

namespace gatewise {{

template <class T> struct Cell {{
  using V = Vector<T>;
  static constexpr int axes = {plan.cell.axes}, previous = {len(plan.cell.previous)};
  static constexpr int states = {len(plan.program.states)}, kept = {len(kept(plan))}, sums = {plan.sums};
  static constexpr int vectors = {len(plan.vectors)}, factors = {len(plan.program.factors)};
  static constexpr int entries = {len(entries(plan))}, matrices = {len(matrices(plan))}, biases = {len(sums)};
  static constexpr std::array<Predecessor, previous> predecessor{{{{{", ".join(_predecessors(plan))}}}}};
  static constexpr std::array<Width, states> state_width{{{{{", ".join(_state_widths(plan))}}}}};
  static constexpr std::array<int, biases> bias_sum{{{{{", ".join(sums)}}}}};
  static constexpr std::array<Normaliser, {len(groups)}> normalisers{{{{{", ".join(groups)}}}}};

{"".join(stages)}  using Stages = std::tuple<{names}>;
}};

}}  // namespace gatewise

#include "interface.h"
"""


def _legend(plan: StagePlan) -> str:
    """The lines by number; their names are checked, and occur in comments only."""
    return ", ".join(f"{number} {name}" for number, name in enumerate(plan.program.lines))


def matrices(plan: StagePlan) -> list[tuple[str, str]]:
    """The parameter and block of each product, in the order of stages, slots and sums."""
    return [
        (TORCH_NAMES.get(family, (family, ""))[0], block)
        for stage in plan.stages
        for slot in stage.slots
        for _, family, block in slot.products
    ]


def _stage(plan: StagePlan, number: int) -> str:
    stage, gradient = plan.stages[number], Gradient(plan, number)
    slots = [
        f"{{{_place(slot.operand)}, {_slot_width(plan, slot.operand)}, {len(slot.products)}, "
        f"{{{', '.join(str(one) for one, _, _ in slot.products)}}}, {_target(gradient, slot.operand)}}}"
        for slot in stage.slots
    ]
    numbers = ", ".join(map(str, stage.normalizers))
    produced = ", ".join(map(str, gradient.produced))
    return f"""  struct Stage{number} {{
    static constexpr int sums = {stage.sums}, first_sum = {stage.first_sum};
    static constexpr Width width = Width::{stage.width};
    static constexpr bool synchronizes = {str(stage.synchronizes).lower()};
    static constexpr std::array<Slot, {len(slots)}> slots{{{{{", ".join(slots)}}}}};
    static constexpr std::array<int, {len(stage.normalizers)}> normalisers{{{{{numbers}}}}};  // read here
    static constexpr std::array<int, {len(gradient.produced)}> normalised{{{{{produced}}}}};  // made here
{_forward(plan, stage)}
{_backward(gradient)}
  }};

"""


def _forward(plan: StagePlan, stage: Stage) -> str:
    values = Values(plan, stage)
    lines = [
        f"      const V {variable(plan, name)} = {written(values.value(line), CPP)};"
        for name, line in stage.lines.items()
    ]
    outputs = list(plan.program.states.values())
    stores = [
        f"      store(step.state[{outputs.index(name)}] + u, {variable(plan, name)});"
        for name in stage.lines
        if name in outputs
    ]
    keeps = [
        f"        store(step.kept + {place} * step.stride + u, {variable(plan, one)});"
        for place, one in enumerate(kept(plan))
        if one in stage.lines or one in range(stage.first_sum, stage.first_sum + stage.sums)
    ]
    sums = [f"      const V {variable(plan, stage.first_sum + k)} = sum[{k}];" for k in range(stage.sums)]
    keep = ["      if (step.kept) {", *keeps, "      }"] if keeps else []
    head = "    static GATEWISE_INLINE void forward(const V *sum, const Step<T, Cell> &step, int64_t u) {"
    return "\n".join([head, *sums, *lines, *stores, *keep, "      (void)sum, (void)step, (void)u;", "    }"])


def _target(gradient: Gradient, operand: RowLocation) -> str:
    """The destination of a slot's gradient, and whether it is added to the value there."""
    if operand.where == "input":
        return "0, false"
    entry = operand.index if operand.where == "previous" else entries(gradient.plan)["", operand]
    key = f"previous {operand.index}" if operand.where == "previous" else f"entry {entry}"
    adds = key in gradient.written_later or key in gradient.outside.values()
    return f"{entry}, {str(adds).lower()}"


def _backward(gradient: Gradient) -> str:
    """The backward step of a stage."""
    plan, stage = gradient.plan, gradient.stage
    sums = range(stage.first_sum, stage.first_sum + stage.sums)
    values = [f"const V {variable(plan, name)} = {CPP.row(stored(plan, name))};" for name in stage.lines]
    values += [
        f"const V {variable(plan, one)} = {CPP.row(Row('kept', place))};"
        for place, one in enumerate(kept(plan))
        if one in sums
    ]
    starts = [text for name in stage.lines for text in _start(plan, name)]
    starts += [f"V d_sum_{k} = V{{}};" for k in sums]
    starts += [f"V {name} = V{{}};" for name in gradient.outside]
    ends = [f"step.by_sum({k}, u, d_sum_{k});" for k in sums] + _ends(gradient)
    statements = [f"      {statement(one)}" for one in gradient.statements]
    body = [*values, *starts, *statements, *ends, "(void)step, (void)u;"]
    head = "    static GATEWISE_INLINE void backward(const Step<T, Cell> &step, int64_t u) {"
    return "\n".join([head, *(f"      {line}" for line in body), "    }"])


def _start(plan: StagePlan, name: str) -> list[str]:
    """The initial gradient of a line: from later steps, later stages and a trace."""
    own, place, by = variable(plan, name), plan.location(name), f"d_{variable(plan, name)}"
    state = place.where == "state"
    first = f"step.by_state({place.index}, u, {_later(plan, place.index)})" if state else "V{}"
    starts = [f"V {by} = {first};"]
    if ("", place) in entries(plan):
        starts.append(f"{by} += {CPP.row(Row('entries', entries(plan)['', place]))};")
    if not state:
        starts.append(f"if (step.by_kept) {by} += load(step.by_kept + {place.index} * step.stride + u);")
    for number, (group, rows) in enumerate(plan.normalizers):
        if place in rows:
            left = CPP.row(Row("entries", entries(plan)[group, place]))
            starts.append(f"{by} += step.through_normaliser({number}, {own}, {left});")
    return starts


def _later(plan: StagePlan, state: int) -> str:
    """The gradient of a state from the steps after this one, one along each axis."""
    cell = plan.cell
    carried = [k for k, one in enumerate(cell.previous.values()) if one.state == cell.state[state]]
    return " + ".join(f"load(step.carried[{k}] + u)" for k in carried) or "V{}"


def _ends(gradient: Gradient) -> list[str]:
    """Passes gradients to other stages; the first in a step stores, the others add."""
    later, ends = gradient.written_later, []
    for name, place in gradient.outside.items():
        kind, index = place.split()
        verb = "add" if place in later or kind == "vector" else "put"
        ends.append(f"step.{verb}_{kind}({index}, u, {name});")
    previous = range(len(gradient.plan.cell.previous)) if gradient.number == 0 else ()
    return ends + [f"step.put_previous({k}, u, V{{}});" for k in previous if not gradient.is_reached(k)]


def _place(one: RowLocation) -> str:
    return f"{{Operand::{one.where}, {one.index}}}"


def _predecessors(plan: StagePlan) -> list[str]:
    states = plan.cell.state
    return [f"{{{states.index(one.state)}, {max(0, one.axis - 1)}}}" for one in plan.cell.previous.values()]


def _slot_width(plan: StagePlan, operand: RowLocation) -> str:
    if operand.where == "input":
        return "Width::input"
    if operand.where == "kept":
        name = plan.intermediates[operand.index]
        return f"Width::{next(one.width for one in plan.stages if name in one.lines)}"
    index = operand.index
    if operand.where == "previous":
        index = plan.cell.state.index(list(plan.cell.previous.values())[index].state)
    return _state_widths(plan)[index]


def _state_widths(plan: StagePlan) -> list[str]:
    projected = any(name == PROJECTION for name, _ in matrices(plan))
    return [
        f"Width::{'output' if projected and k == 0 else 'hidden'}" for k in range(len(plan.program.states))
    ]
