"""The raw inputs of a deployed forecaster, as a user of an exported file reads them from a table."""

import numpy as np
import torch

from gatewise.data.series.categories import Categories
from gatewise.tasks.forecast.data import Preprocessing
from gatewise.tasks.preprocessing import load_preprocessing


def raw_inputs(model, path):
    """The tensors of `TASK.deployed(model)` for the end of each series in a file with all known values."""
    model = model.for_use
    preprocessing = load_preprocessing(Preprocessing, model)
    source, plan, learned = preprocessing.series(path), preprocessing.plan, preprocessing.learned
    found = {}
    for series in source.series:
        end, known = len(series), len(preprocessing.columns.known)
        times = source.step.extended(series.times, end + plan.horizon)

        def cut(values, stop, last=end):
            rows = np.asarray(values)[max(last - plan.context, 0) : stop]
            missing = plan.context + stop - last - len(rows)
            return np.pad(rows, [(missing, 0)] + [(0, 0)] * (rows.ndim - 1), mode="edge")

        own = {"target": cut(series.target, end), "series": list(learned.series).index(series.id)}
        if learned.cycles:
            own["times"] = cut(times.dt.epoch("s"), end + plan.horizon)
        kinds = (("known", series.known, 0, plan.horizon), ("observed", series.observed, known, 0))
        for name, values, first, more in kinds:
            columns = [cut(column, end + more) for column in values.T]
            scales = learned.covariates[first : first + len(columns)]
            for place, (column, scale) in enumerate(zip(columns, scales, strict=True), first):
                if isinstance(scale, Categories):
                    names = ["", *series.categories[place]]
                    column = np.array(
                        [scale.places([names[int(code)]])[0] if code else -1 for code in column]
                    )
                    own.setdefault(f"{name}_categories", []).append(column)
                else:
                    own.setdefault(name, []).append(column)
        for value, scale in zip(series.static, learned.statics, strict=True):
            is_category = isinstance(scale, Categories)
            value = scale.places([value])[0] if is_category else value
            own.setdefault("static_categories" if is_category else "static", []).append(value)
        for name, values in own.items():
            found.setdefault(name, []).append(np.stack(values, -1) if isinstance(values, list) else values)
    return {name: torch.from_numpy(np.stack(values)) for name, values in found.items()}
