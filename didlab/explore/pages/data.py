# /// script
# [tool.marimo.display]
# theme = "system"
# ///
"""The page of a table of scores: what training did to its pairs."""

import marimo

app = marimo.App(width="full", app_title="didlab: your data")


@app.cell
def _():
    from dataclasses import replace

    import marimo as mo

    from didlab.errors import DidlabError
    from didlab.explore import data, look, losses, widgets
    from didlab.explore.data import State
    from didlab.explore.state import parse, query
    from didlab.report.diagnosis_tables import tables

    return DidlabError, State, data, look, losses, mo, parse, query, replace, tables, widgets


@app.cell
def _(look, mo, widgets):
    exporter = widgets.Export(name="data")
    mo.Html(look.header("data"))
    return (exporter,)


@app.cell
def _(State, data, losses, mo, parse):
    start, wrong = parse(State, mo.query_params().to_dict())
    there = {words: name for name, words in data.TABLES.items() if name or data.GIVEN}
    chosen = start.table if start.table in there.values() else "example"
    which = mo.ui.dropdown(there, value=data.TABLES[chosen], label="Table", full_width=True)
    upload = mo.ui.file(max_size=data.LARGEST, label="Open…")
    objective = mo.ui.dropdown(
        {words: name for name, words in losses.NAMES.items()}, value=losses.NAMES[start.objective], label="Objective"
    )
    beta = mo.ui.slider(
        steps=sorted({*losses.STEPS, start.beta}), value=start.beta, label="β", show_value=True, full_width=True
    )
    return beta, objective, start, upload, which, wrong


@app.cell
def _(DidlabError, State, data, look, mo, upload, which):
    # Reading a large table takes seconds.
    mo.output.replace(mo.Html(f'<main class="didlab-view">{look.busy("Reading the table…")}</main>'))
    own = (upload.value[0].name, upload.value[0].contents) if upload.value else None
    table, names, unread = None, [], []
    # Without a table on the command line the example is what is shown where nothing is chosen.
    place = State(table="" if which.value == "example" and data.GIVEN is None else which.value)
    try:
        table = data.opened(place, own)
        names = data.prompts(table) if table else []
    except DidlabError as e:
        table = None
        unread.append(str(e))
    mo.output.clear()
    return names, place, table, unread


@app.cell
def _(mo, names, start, table):
    ALL = "all prompts"
    prompt = mo.ui.dropdown(
        [ALL, *names], value=start.prompt if start.prompt in names else ALL, label="Prompt", full_width=True
    )
    astray = [f"this table has no prompt {start.prompt!r} with two pairs or more"] if (
        table and start.prompt and start.prompt not in names
    ) else []
    return ALL, astray, prompt


@app.cell
def _(beta, look, mo, names, objective, prompt, upload, which):
    look.panel(
        mo, which, *([upload] if which.value == "own" else []), objective, beta, *([prompt] if names else [])
    )
    return


@app.cell
def _(
    ALL, DidlabError, astray, beta, data, exporter, look, mo, objective, place, prompt, query, replace, table, tables,
    unread, widgets, wrong,
):
    problems = [*wrong, *unread, *astray]
    state = replace(
        place, objective=objective.value, beta=beta.value, prompt="" if prompt.value == ALL else prompt.value
    )
    found, shown = data.nothing(), ""
    try:
        if table is not None:
            found = data.view(state, table)
            shown = tables(data.diagnosis(state, table))
    except DidlabError as e:
        problems.append(str(e))
    widgets.follow(exporter, query(state), found)
    mo.Html(look.shown(found, problems, tables=shown))
    return


@app.cell
def _(exporter, look, mo):
    look.export(mo, exporter)
    return


if __name__ == "__main__":
    app.run()
