# /// script
# [tool.marimo.display]
# theme = "system"
# ///
"""The page of policies and the DID."""

import marimo

__generated_with = "0.25.2"

app = marimo.App(width="full", app_title="didlab: policies and the DID")


@app.cell
def _():
    from dataclasses import replace

    import marimo as mo

    from didlab.errors import DidlabError
    from didlab.explore import widgets
    from didlab.explore.frame import Frame
    from didlab.explore.policies import State, view
    from didlab.explore.presets import PRESETS
    from didlab.explore.state import weights
    from didlab.policies import probabilities

    return DidlabError, Frame, PRESETS, State, mo, probabilities, replace, view, weights, widgets


@app.cell
def _(Frame, State, mo):
    page = Frame(mo, "policies", State)
    start = page.start
    page.header()
    return page, start


@app.cell
def _(PRESETS, mo, start):
    OWN, TEMPERED = "weights of my own", "the reference at temperature τ"
    preset = mo.ui.dropdown([*PRESETS, OWN], value=OWN if start.reference else start.preset, label="Reference")
    target = mo.ui.dropdown([TEMPERED, OWN], value=OWN if start.policy else TEMPERED, label="Target")
    k = mo.ui.number(2, 1000, step=1, value=start.k, label="Outcomes")
    seed = mo.ui.number(0, 10**6, step=1, value=start.seed, label="Seed")
    ours = mo.ui.text(", ".join(map(str, start.reference)) or "1/4, 3/4", label="Reference weights", full_width=True)
    theirs = mo.ui.text(", ".join(map(str, start.policy)) or "3/4, 1/4", label="Target weights", full_width=True)
    tau = mo.ui.slider(
        0.05, max(4.0, start.tau), 0.01, value=max(start.tau, 0.05), label="Temperature τ", include_input=True,
        full_width=True,
    )
    beta = mo.ui.slider(
        0.05, max(4.0, start.beta), 0.01, value=max(start.beta, 0.05), label="β", include_input=True, full_width=True
    )
    inputs = dict(k=k, seed=seed, ours=ours, tau=tau, theirs=theirs, beta=beta)
    return OWN, beta, inputs, k, ours, preset, seed, target, tau, theirs


@app.cell
def _(DidlabError, OWN, State, k, mo, ours, preset, probabilities, seed, start, weights, widgets):
    # The reference before anybody dragged it, and bars at its heights.
    try:
        written = weights("reference", ours.value) if preset.value == OWN else ()
        first = State(
            preset=start.preset if preset.value == OWN else preset.value, k=k.value or 2, seed=seed.value or 0,
            reference=written,
        )
        unread = []
    except DidlabError as e:
        first, unread = start, [str(e)]
    drawn = widgets.bars("Weights of the reference", probabilities(first.logits()[0]) if not first.policy else [1, 1])
    hands = mo.ui.anywidget(drawn) if drawn else None
    moved = [mo.md("Bars are for up to 40 outcomes.") if hands is None else hands]
    return first, hands, moved, unread


@app.cell
def _(OWN, inputs, moved, page, preset, target):
    _reference = ["ours"] if preset.value == OWN else ["k", "seed"] if preset.value == "gaussian" else ["k"]
    _target = "theirs" if target.value == OWN else "tau"
    page.panel(preset, *(inputs[n] for n in _reference), *moved, target, inputs[_target], inputs["beta"])
    return


@app.cell
def _(OWN, beta, first, hands, page, replace, target, tau, theirs, unread, view, weights, widgets):
    def asked():
        return replace(
            first,
            reference=widgets.moved(hands.value) or first.reference if hands is not None else first.reference,
            policy=weights("policy", theirs.value) if target.value == OWN else (),
            tau=tau.value,
            beta=beta.value,
        )

    page.answer(asked, view, unread)
    return


@app.cell
def _(page):
    page.export()
    return


if __name__ == "__main__":
    app.run()
