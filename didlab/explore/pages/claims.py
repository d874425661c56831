# /// script
# [tool.marimo.display]
# theme = "system"
# ///
"""The page of claims: the list, or one statement and an instance of it."""

import marimo

__generated_with = "0.25.2"

app = marimo.App(width="full", app_title="didlab: claims")


@app.cell
def _():
    from dataclasses import replace

    import marimo as mo

    from didlab import claims
    from didlab.errors import DidlabError
    from didlab.explore import instances, look, statements, walk
    from didlab.explore.claims import State, view
    from didlab.explore.frame import Frame
    from didlab.report.words import VERDICTS

    return DidlabError, Frame, State, VERDICTS, claims, instances, look, mo, replace, statements, view, walk


@app.cell
def _(Frame, State, mo):
    page = Frame(mo, "claims", State)
    page.header()
    return (page,)


@app.cell
def _(DidlabError, instances, page, replace):
    start, unread = page.start, []
    try:
        near = instances.instance(start) if start.id else None
    except DidlabError as e:
        unread.append(str(e))
        start = replace(start, edit="")
        near = instances.instance(start)
    page.last = replace(start, to="ordinary")
    return near, start, unread


@app.cell
def _(VERDICTS, claims, mo, near, start, walk):
    ALL = "all"
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
    of_list, of_line, of_instance, judging = [words, paper, verdict], [t, to], list(typed.elements.values()), [run]
    of_end = {"ordinary": [seed], "uniform": []}
    return ALL, judging, of_end, of_instance, of_line, of_list, paper, run, seed, t, to, typed, verdict, words


@app.cell
def _(instances, judging, mo, near, of_end, of_instance, of_line, of_list, page, start, statements, to):
    if start.id:
        moved = near is not None and instances.line(start) is not None
        controls = [
            mo.Html(statements.around(start)),
            *([*of_line, *of_end[to.value]] if moved else []),
            *([mo.Html('<h2 class="typed">Its numbers, to be typed over</h2>')] if near else []),
            *of_instance,
            *judging,
        ]
    else:
        controls = of_list
    page.panel(*controls)
    return


@app.cell
def _(look, mo, start, statements):
    # Shown at once, before the instance is computed; it stays as it is while the instance moves.
    mo.Html(look.section(statements.statement(start), "The statement", "didlab-view")) if start.id else None
    return


@app.cell
def _(
    ALL, instances, look, near, page, paper, replace, seed, start, statements, t, to, typed, unread, verdict, view,
    words,
):
    def asked():
        if not start.id:
            return replace(
                start, paper="" if paper.value == ALL else paper.value,
                verdict="" if verdict.value == ALL else verdict.value, words=words.value,
            )
        if not near:
            return start
        return replace(
            start, t=t.value, to=to.value, seed=seed.value or 0, edit=instances.own(start.id, typed.value)
        )

    def html(state, found, problems):
        if not state.id:
            return look.shown(found, problems) + look.section(statements.listing(state), "The list")
        instance = look.message(problems) + instances.shown(state)
        return look.section(instance, "The instance") + look.shown(found)

    page.answer(asked, view, unread, html)
    return


@app.cell
def _(page):
    page.export()
    return


@app.cell
def _(look, mo, run, start, statements):
    mo.stop(not run.value)
    mo.output.replace(mo.Html(look.section(look.busy("Judging it …"), "Judging", "didlab-judged")))
    heading = "<h2>Judged now, at quick effort</h2>"
    mo.Html(look.section(heading + statements.judged(start.id), "Judged now", "didlab-judged"))
    return


if __name__ == "__main__":
    app.run()
