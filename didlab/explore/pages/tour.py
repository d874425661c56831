# /// script
# [tool.marimo.display]
# theme = "system"
# ///
"""The page of the tour: a step at a time."""

import marimo

app = marimo.App(width="full", app_title="didlab: tour")


@app.cell
def _():
    from dataclasses import replace

    import marimo as mo

    from didlab.explore import look, widgets
    from didlab.explore.state import parse, query
    from didlab.explore.tour import CONTROLS, STEPS, State, step, text, view

    return CONTROLS, STEPS, State, look, mo, parse, query, replace, step, text, view, widgets


@app.cell
def _(look, mo, widgets):
    exporter = widgets.Export(name="tour")
    mo.Html(look.header("tour"))
    return (exporter,)


@app.cell
def _(CONTROLS, STEPS, State, mo, parse, widgets):
    start, wrong = parse(State, mo.query_params().to_dict())
    steps = mo.ui.anywidget(widgets.Steps(step=start.step, count=len(STEPS)))
    controls = mo.ui.dictionary(
        {
            name: mo.ui.slider(
                low, high, 0.01, value=getattr(start, name), label=words, include_input=True, full_width=True
            )
            for name, (words, low, high) in CONTROLS.items()
        }
    )
    return controls, start, steps, wrong


@app.cell
def _(replace, start, steps):
    here = replace(start, step=steps.value["step"])
    return (here,)


@app.cell
def _(controls, here, look, mo, step, steps, text):
    look.panel(mo, mo.Html(text(here)), controls.elements[step(here).control], steps)
    return


@app.cell
def _(controls, exporter, here, look, mo, query, replace, view, widgets, wrong):
    state = replace(here, **controls.value)
    found = view(state)
    widgets.follow(exporter, query(state), found)
    mo.Html(look.shown(found, wrong))
    return


@app.cell
def _(exporter, look, mo):
    look.export(mo, exporter)
    return


if __name__ == "__main__":
    app.run()
