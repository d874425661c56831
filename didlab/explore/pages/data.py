# /// script
# [tool.marimo.display]
# theme = "system"
# ///
"""The page of a table of scores: what training did to its pairs."""

import marimo

__generated_with = "0.25.2"

app = marimo.App(width="full", app_title="didlab: your data")


@app.cell
def _():
    from dataclasses import replace
    from functools import partial

    import marimo as mo

    from didlab.errors import DidlabError
    from didlab.explore import data, look, losses
    from didlab.explore.data import State
    from didlab.explore.frame import Frame

    return DidlabError, Frame, State, data, look, losses, mo, partial, replace


@app.cell
def _(Frame, State, mo):
    page = Frame(mo, "data", State)
    page.last = page.start
    page.header()
    return (page,)


@app.cell
def _(data, mo, page):
    there = {words: name for name, words in data.TABLES.items() if name or data.GIVEN}
    chosen = page.start.table if page.start.table in there.values() else "example"
    which = mo.ui.dropdown(there, value=data.TABLES[chosen], label="Table", full_width=True)
    upload = mo.ui.file(max_size=data.LARGEST, label="Open…")
    return upload, which


@app.cell
def _(DidlabError, State, data, look, mo, page, upload, which):
    # Reading a large table takes seconds.
    mo.output.replace(mo.Html(f'<main class="didlab-view">{look.busy("Reading the table…")}</main>'))
    # Without a table on the command line the example is what is shown where nothing is chosen.
    place = State(table="" if which.value == "example" and data.GIVEN is None else which.value)
    own, table, names, unread = None, None, [], []
    try:
        if place.table == "own" and upload.value:
            own = data.uploaded(upload.value[0].name, upload.value[0].contents)
        table = data.opened(place, own)
        names = data.prompts(table) if table else []
    except DidlabError as e:
        table = None
        unread.append(str(e))
    # A state that comes with its table sets the controls; they stay where they are for any other table.
    begin = own.state if table and own and own.state else page.last
    mo.output.clear()
    return begin, names, own, place, table, unread


@app.cell
def _(begin, losses, mo, names, page, table):
    ALL = "all prompts"
    objective = mo.ui.dropdown(
        {words: name for name, words in losses.NAMES.items()}, value=losses.NAMES[begin.objective], label="Objective"
    )
    beta = mo.ui.slider(
        steps=sorted({*losses.STEPS, begin.beta}), value=begin.beta, label="β", show_value=True, full_width=True
    )
    prompt = mo.ui.dropdown(
        [ALL, *names], value=begin.prompt if begin.prompt in names else ALL, label="Prompt", full_width=True
    )
    astray = [f"this table has no prompt {begin.prompt!r} with two pairs or more"] if (
        table and begin is page.start and begin.prompt and begin.prompt not in names
    ) else []
    inputs = [objective, beta, *([prompt] if names else [])]
    return ALL, astray, beta, inputs, objective, prompt


@app.cell
def _(inputs, page, upload, which):
    page.panel(which, *([upload] if which.value == "own" else []), *inputs)
    return


@app.cell
def _(
    ALL, DidlabError, astray, beta, data, look, objective, own, page, partial, place, prompt, replace, table, unread,
):
    problems = [*page.wrong, *unread, *astray]
    state = replace(
        place, objective=objective.value, beta=beta.value, prompt="" if prompt.value == ALL else prompt.value
    )
    found, shown = data.nothing(), look.onwards(own.name, own.part, own.state) if own and not table else ""
    try:
        if table is not None:
            found = data.view(state, table)
            shown = data.measured(state, table)
    except DidlabError as e:
        problems.append(str(e))
    page.show(
        state, found, look.shown(found, problems, tables=shown), write=partial(data.file, state, table),
        table=table.size if table else 0,
    )
    return


@app.cell
def _(page):
    page.export()
    return


if __name__ == "__main__":
    app.run()
