"""What the rows of `tasks.py` say: means, ranks, paired differences with standard errors, figures."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from task_damages import DAMAGES, LEFT, REPAIRED
from task_judges import ALL, ANOMALIES, CLUSTERING, LABELS, NUMBERS, OWN, RETRIEVAL, RIDGE
from task_rows import END, FIT, KEY, TRANSFORM

REFERENCES = ("MiniRocket", "RandomEncoder")  # the first that a column has is what others are compared with
CASE = ("task", "measure", "set", "seed", "draw")  # where methods are compared
IN_UNITS = ("steps", "seconds")  # all other measures are shares; their differences are in hundredths
GROUPS = (LABELS, RETRIEVAL, CLUSTERING, ANOMALIES, "transfer", "fine-tuning", "dense")
DIGITS = {"mean": "{:.4f}", "rank": "{:.2f}", "difference": "{:+.2f}", "standard error": "{:.2f}"}
DIGITS |= dict.fromkeys(("ahead", "behind"), "{:.0f}")
FEW = (*(f"{LABELS}: {number}" for number in NUMBERS), ALL)
OVERVIEW = {  # one column of the figure of all tasks per entry
    **{(f"{LABELS}: {n}", RIDGE): f"accuracy, {n}\nper class" for n in NUMBERS},
    (ALL, RIDGE): "accuracy,\nall labels",
    (RETRIEVAL, "precision at 1"): "retrieval,\nprecision at 1",
    (RETRIEVAL, "mean average precision"): "retrieval,\nmean average\nprecision",
    (CLUSTERING, "KMeans, adjusted Rand"): "KMeans,\nadjusted Rand",
    (CLUSTERING, "HDBSCAN, adjusted Rand"): "HDBSCAN,\nadjusted Rand",
    (ANOMALIES, "nearest neighbours"): "anomalies,\nneighbours",
    (ANOMALIES, "isolation forest"): "anomalies,\nforest",
}


def values(rows):
    """Return a frame of cases x methods. Accuracies of classifiers count as those of ridge."""
    told = [row for row in rows if row["value"] and row["task"] not in (FIT, TRANSFORM)]
    frame = pd.DataFrame(told, columns=[*KEY, "value"])
    frame["value"] = frame["value"].astype(float)
    frame["measure"] = frame["measure"].replace(OWN, RIDGE)
    return frame.groupby([*CASE, "method"], sort=False)["value"].mean().unstack("method")


def means(rows, methods):
    """Return the long table: for each task, measure and method its mean, rank and difference to the reference.

    Means are over draws and seeds, then over the sets that a method has. Methods that have all sets of a column are
    ranked. Differences are those on the same set with the same seed and draw, averaged in the same way.
    """
    lines = []
    for (task, measure), frame in values(rows).groupby(level=["task", "measure"], sort=False):
        cases = frame[[method for method in methods if method in frame]].dropna(axis=1, how="all")
        column = cases.groupby("set").mean()
        ranks = column.dropna(axis=1).rank(axis=1, ascending=measure in IN_UNITS).mean()
        reference = next((one for one in REFERENCES if one in column), None)
        for method in column:
            line = {"task": task, "measure": measure, "method": method, "sets": int(column[method].count())}
            line |= {
                "mean": column[method].mean(),
                "rank": ranks.get(method, np.nan),
                "compared with": reference or "",
            }
            if reference not in (None, method):
                line |= difference(cases[method], cases[reference], measure)
            lines.append(line)
    return pd.DataFrame(lines)


def difference(values, others, measure):
    """Return the mean of paired differences over sets, its standard error, and how many sets are ahead and behind."""
    paired = (values - others).groupby("set").mean().dropna() * (1 if measure in IN_UNITS else 100)
    error = paired.std(ddof=1) / np.sqrt(len(paired)) if len(paired) > 1 else np.nan
    ahead, behind = int((paired > 0).sum()), int((paired < 0).sum())
    return {"difference": paired.mean(), "standard error": error, "ahead": ahead, "behind": behind}


def as_text(table):
    """Return the long table with its numbers as text."""
    text = table.copy()
    for name, form in DIGITS.items():
        if name in text:
            text[name] = ["" if pd.isna(value) else form.format(value) for value in table[name]]
    return text


def cells(table):
    """Return the table of the docs: a line per task and measure, a column per method."""
    most = table.groupby(["task", "measure"])["sets"].transform("max")
    text = table.assign(cell=[cell(line, n_sets) for (_, line), n_sets in zip(table.iterrows(), most, strict=True)])
    lines = text.pivot(index=["task", "measure"], columns="method", values="cell").fillna("")
    order = pd.MultiIndex.from_frame(table[["task", "measure"]].drop_duplicates())
    return lines.reindex(index=order, columns=table["method"].unique())


def cell(line, n_sets):
    """Return a mean with its difference and the error of that, and the number of sets if some are missing."""
    notes = []
    if pd.notna(line.get("difference", np.nan)):
        error = "" if pd.isna(line["standard error"]) else f" ± {line['standard error']:.1f}"
        notes.append(f"{line['difference']:+.1f}{error}")
    if line["sets"] < n_sets:
        notes.append(f"{line['sets']} of {n_sets} sets")
    return f"{line['mean']:.3f}" + (f" ({'; '.join(notes)})" if notes else "")


def repairs(rows):
    """Return what preprocessing brings: a line per damage, measure and method, over the sets; None without rows."""
    frame = values(rows)
    lines = []
    for damage in DAMAGES:
        for measure in ("accuracy", *IN_UNITS):
            left, repaired = ((f"preprocessing, {damage} {how}", measure) for how in (LEFT, REPAIRED))
            if not {left, repaired} <= {key[:2] for key in frame.index}:
                continue
            for method in frame.columns[frame.loc[repaired].notna().any()]:
                one, other = frame.loc[repaired][method], frame.loc[left][method]
                line = {"damage": damage, "measure": measure, "method": method}
                line |= {LEFT: other.mean(), REPAIRED: one.mean()}
                lines.append(line | difference(one, other, measure))
    return pd.DataFrame(lines).round(3) if lines else None


def report(rows, methods):
    """Print one table per group of tasks, and what is missing."""
    table = means(rows, methods)
    text = cells(table)
    with pd.option_context("display.width", 250, "display.max_columns", None, "display.max_colwidth", 60):
        for group in GROUPS:
            lines = text[text.index.get_level_values("task").str.startswith(group)]
            if len(lines):
                others = table.loc[table["task"].str.startswith(group), "compared with"]
                against = " or ".join(filter(None, others.unique()))
                brackets = f" (difference to {against} in hundredths ± standard error)" * bool(against)
                print(f"\n{group}: mean over sets{brackets}")
                print(lines.loc[:, (lines != "").any()].T.to_string())
        brought = repairs(rows)
        if brought is not None:
            print("\npreprocessing: each damage left and repaired; differences of accuracy in hundredths")
            print(brought.to_string(index=False))
    for row in rows:
        if row["measure"] == END and row["error"]:
            print(f"{row['set']}, {row['task']}, {row['method']}, seed {row['seed']}: {row['error']}")
    return table


def draw_labels(table, path):
    """Draw points to the reference against labels per class, one line per method."""
    lines = table[table["task"].isin(FEW) & (table["measure"] == RIDGE)]
    if lines.empty:
        return
    figure, ax = plt.subplots(figsize=(8, 4.5), layout="constrained")
    ax.axhline(0, color="black", linewidth=1)
    methods = [name for name in lines["method"].unique() if name != REFERENCES[0]]
    for place, method in enumerate(methods):
        of_method = lines[lines["method"] == method].set_index("task").reindex(FEW)
        x = np.arange(len(FEW)) + 0.3 * (place / max(1, len(methods) - 1) - 0.5)
        style = {"color": f"C{place}", "marker": "os^DvPX"[place % 7], "capsize": 2}
        ax.errorbar(x, of_method["difference"], of_method["standard error"], label=method, **style)
    ax.set(xticks=np.arange(len(FEW)), xticklabels=[task.removeprefix(f"{LABELS}: ") for task in FEW])
    ax.set(xlabel="labels per class", ylabel=f"accuracy less {REFERENCES[0]}'s\n(points, ± standard error over sets)")
    figure.legend(loc="outside right upper", frameon=False)
    figure.savefig(path, dpi=150)
    plt.close(figure)


def draw_overview(table, path):
    """Draw means of all methods for all tasks, coloured by place; in grey where a method lacks sets of a column."""
    by_cell = table.set_index(["task", "measure", "method"])
    grid, sets = (by_cell[name].unstack("method") for name in ("mean", "sets"))
    columns = [column for column in OVERVIEW if column in grid.index]
    if not columns:
        return
    methods = [method for method in table["method"].unique() if grid.loc[columns, method].notna().any()]
    numbers, sets = grid.loc[columns, methods].T, sets.loc[columns, methods].T  # methods x columns
    is_whole = sets == sets.max()
    figure, ax = plt.subplots(figsize=(1.5 + 1.05 * len(columns), 1 + 0.4 * len(methods)), layout="constrained")
    ax.imshow(numbers.where(is_whole).rank(pct=True), cmap="YlGn", vmin=0, vmax=1.4, aspect="auto")
    for (row, column), number in np.ndenumerate(numbers.to_numpy()):
        text, color = "" if np.isnan(number) else f"{number:.3f}", "black" if is_whole.iat[row, column] else "gray"
        ax.text(column, row, text, ha="center", va="center", fontsize=9, color=color)
    ax.set_xticks(range(len(columns)), [OVERVIEW[column] for column in columns], fontsize=8)
    ax.set_yticks(range(len(methods)), methods)
    ax.tick_params(length=0)
    ax.xaxis.tick_top()
    ax.spines[:].set_visible(False)
    figure.savefig(path, dpi=150)
    plt.close(figure)
