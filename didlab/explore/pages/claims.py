# /// script
# [tool.marimo.display]
# theme = "system"
# ///
"""The page of claims: the list, or one statement and an instance of it."""

import marimo

app = marimo.App(width="full", app_title="didlab: claims")


@app.cell
def _():
    from dataclasses import replace

    import marimo as mo

    from didlab import claims
    from didlab.errors import DidlabError
    from didlab.explore import claims as part
    from didlab.explore import look, walk, widgets
    from didlab.explore.claims import State
    from didlab.explore.state import parse, query
    from didlab.report.words import VERDICTS

    return DidlabError, State, VERDICTS, claims, look, mo, parse, part, query, replace, walk, widgets


@app.cell
def _(look, mo, widgets):
    exporter = widgets.Export(name="claims")
    mo.Html(look.header("claims"))
    return (exporter,)


@app.cell
def _(DidlabError, State, VERDICTS, claims, mo, parse, part, replace, walk):
    ALL = "all"
    start, wrong = parse(State, mo.query_params().to_dict())
    try:
        near = part.instance(start) if start.id else None
    except DidlabError as e:
        wrong = [*wrong, str(e)]
        start = replace(start, edit="")
        near = part.instance(start)
    # The list.
    paper = mo.ui.dropdown([ALL, *claims.PAPERS], value=start.paper or ALL, label="Paper")
    verdict = mo.ui.dropdown([ALL, *VERDICTS], value=start.verdict or ALL, label="Verdict")
    words = mo.ui.text(start.words, label="Words", debounce=False, full_width=True)
    # One statement.
    t = mo.ui.slider(0, 1, 0.01, value=start.t, label="t", include_input=True, full_width=True)
    to = mo.ui.dropdown(list(walk.ENDS), value=start.to, label="The line leads to an instance that is")
    seed = mo.ui.number(0, 10**6, step=1, value=start.seed, label="Seed")
    typed = mo.ui.dictionary(
        {n: mo.ui.text(x, label=n, full_width=True) for n, x in (walk.written(near) if near else {}).items()}
    )
    run = mo.ui.run_button(label="Judge it now")
    return ALL, near, paper, run, seed, start, t, to, typed, verdict, words, wrong


@app.cell
def _(look, mo, near, paper, part, run, seed, start, t, to, typed, verdict, words):
    if start.id:
        moved = near is not None and part.line(start) is not None
        controls = [
            mo.Html(part.around(start)),
            *([t, to, *([seed] if to.value == "ordinary" else [])] if moved else []),
            *([mo.Html('<h2 class="typed">Its numbers, to be typed over</h2>')] if near else []),
            *typed.elements.values(),
            run,
        ]
    else:
        controls = [words, paper, verdict]
    look.panel(mo, *controls)
    return


@app.cell
def _(look, mo, part, start):
    # Shown at once, before the instance is computed; it stays as it is while the instance moves.
    mo.Html(look.section(part.statement(start), "The statement", "didlab-view")) if start.id else None
    return


@app.cell
def _(
    ALL, DidlabError, exporter, look, mo, near, paper, part, query, replace, seed, start, t, to, typed, verdict,
    widgets, words, wrong,
):
    problems = list(wrong)
    state = start
    try:
        if not start.id:
            state = replace(
                start, paper="" if paper.value == ALL else paper.value,
                verdict="" if verdict.value == ALL else verdict.value, words=words.value,
            )
        elif near:
            own = part.own(start.id, typed.value)
            state = replace(start, t=t.value, to=to.value, seed=seed.value or 0, edit=own)
        found = part.view(state)
    except DidlabError as e:
        problems.append(str(e))
        state = replace(start, edit="", to="ordinary")
        found = part.view(state)
    widgets.follow(exporter, query(state), found)
    if state.id:
        here = look.message(problems) + part.shown_instance(state)
        shown = look.section(here, "The instance") + look.shown(found)
    else:
        shown = look.shown(found, problems) + look.section(part.listing(state), "The list")
    mo.Html(shown)
    return


@app.cell
def _(exporter, look, mo):
    look.export(mo, exporter)
    return


@app.cell
def _(look, mo, part, run, start):
    mo.stop(not run.value)
    mo.output.replace(mo.Html(look.section(look.busy("Judging it …"), "Judging", "didlab-judged")))
    heading = "<h2>Judged now, at quick effort</h2>"
    mo.Html(look.section(heading + part.judged(start.id), "Judged now", "didlab-judged"))
    return


if __name__ == "__main__":
    app.run()
