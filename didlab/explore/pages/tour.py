# /// script
# [tool.marimo.display]
# theme = "system"
# ///
"""The page of the tour: a step at a time."""

import marimo

__generated_with = "0.25.2"

app = marimo.App(width="full", app_title="didlab: tour")


@app.cell
def _():
    from dataclasses import replace

    import marimo as mo

    from didlab.explore import widgets
    from didlab.explore.frame import Frame
    from didlab.explore.steps import CONTROLS, STEPS, State, step, text
    from didlab.explore.tour import view

    return CONTROLS, Frame, STEPS, State, mo, replace, step, text, view, widgets


@app.cell
def _(Frame, State, mo):
    page = Frame(mo, "tour", State)
    start = page.start
    page.header()
    return page, start


@app.cell
def _(CONTROLS, STEPS, mo, start, widgets):
    steps = mo.ui.anywidget(widgets.Steps(step=start.step, count=len(STEPS)))
    controls = mo.ui.dictionary(
        {
            name: mo.ui.slider(
                low, high, 0.01, value=getattr(start, name), label=words, include_input=True, full_width=True
            )
            for name, (words, low, high) in CONTROLS.items()
        }
    )
    inputs = controls.elements
    return controls, inputs, steps


@app.cell
def _(replace, start, steps):
    here = replace(start, step=steps.value["step"])
    return (here,)


@app.cell
def _(here, inputs, mo, page, step, steps, text):
    page.panel(mo.Html(text(here)), inputs[step(here).control], steps)
    return


@app.cell
def _(controls, here, page, replace, view):
    def asked():
        return replace(here, **controls.value)

    page.answer(asked, view)
    return


@app.cell
def _(page):
    page.export()
    return


if __name__ == "__main__":
    app.run()
