# /// script
# [tool.marimo.display]
# theme = "system"
# ///
"""The page of tokens: two responses, their gradients token by token, and one step."""

import marimo

app = marimo.App(width="full", app_title="didlab: tokens")


@app.cell
def _():
    import marimo as mo
    import numpy as np

    from didlab.errors import DidlabError
    from didlab.explore import look, losses, widgets
    from didlab.explore.state import parse, query, words
    from didlab.explore.tokens import MODELS, RATES, State, view

    return DidlabError, MODELS, RATES, State, look, losses, mo, np, parse, query, view, widgets, words


@app.cell
def _(look, mo, widgets):
    exporter = widgets.Export(name="tokens")
    mo.Html(look.header("tokens"))
    return (exporter,)


@app.cell
def _(MODELS, RATES, State, losses, mo, np, parse):
    start, wrong = parse(State, mo.query_params().to_dict())
    kept = [State()]  # the last state that could be shown
    first = start.objective()
    vocabulary = mo.ui.text(" ".join(start.vocabulary), label="Vocabulary, 2 to 6 tokens", full_width=True)
    chosen = mo.ui.text(" ".join(start.chosen), label="Chosen response", full_width=True)
    rejected = mo.ui.text(" ".join(start.rejected), label="Rejected response", full_width=True)
    model = mo.ui.dropdown(
        {short: name for name, short in MODELS.items()}, value=MODELS[start.model], label="Model", full_width=True
    )
    seed = mo.ui.number(0, 10**6, step=1, value=start.seed, label="Seed")
    spread = mo.ui.slider(0, 5, 0.05, value=start.spread, label="Spread", include_input=True, full_width=True)
    width = mo.ui.number(1, 16, step=1, value=start.width, label="Width of the hidden states")
    loss = mo.ui.dropdown({n: k for k, n in losses.NAMES.items()}, value=losses.NAMES[first.name], label="Loss")
    rates = sorted({*(float(f"{x:.2g}") for x in np.geomspace(*RATES, 121)), start.rate})
    rate = mo.ui.slider(steps=rates, value=start.rate, label="Learning rate", show_value=True, full_width=True)
    return chosen, first, kept, loss, model, rate, rejected, seed, spread, start, vocabulary, width, wrong


@app.cell
def _(first, loss, losses, mo):
    def control(key, steps):
        value = first.hyper[key] if loss.value == first.name else losses.read(loss.value).hyper[key]
        if key == "convention":
            return mo.ui.dropdown(list(steps), value=value, label="Convention")
        return mo.ui.slider(
            steps=sorted({*steps, value}), value=value, label=losses.SYMBOLS[key], show_value=True, full_width=True
        )

    hyper = mo.ui.dictionary({k: control(k, s) for k, s in losses.hyper_parameters(loss.value, lengths=True).items()})
    return (hyper,)


@app.cell
def _(chosen, hyper, look, loss, mo, model, rate, rejected, seed, spread, vocabulary, width):
    look.panel(
        mo, chosen, rejected, vocabulary, model, *([width] if model.value == "last-layer" else []), seed, spread, loss,
        *hyper.elements.values(), rate,
    )
    return


@app.cell
def _(
    DidlabError, State, chosen, exporter, hyper, kept, look, loss, losses, mo, model, query, rate, rejected, seed,
    spread, view, vocabulary, widgets, width, words, wrong,
):
    problems = list(wrong)
    try:
        objective = losses.objectives.get(loss.value, **hyper.value)
        state = State(
            vocabulary=words("vocabulary", vocabulary.value),
            chosen=words("chosen", chosen.value),
            rejected=words("rejected", rejected.value),
            model=model.value,
            seed=seed.value or 0,
            spread=spread.value,
            width=(width.value or 1) if model.value == "last-layer" else State().width,
            loss=losses.word(objective),
            rate=rate.value,
        )
        found = view(state)
    except DidlabError as e:
        problems.append(str(e))
        state = kept[0]
        found = view(state)
    kept[0] = state
    widgets.follow(exporter, query(state), found)
    mo.Html(look.shown(found, problems))
    return


@app.cell
def _(exporter, look, mo):
    look.export(mo, exporter)
    return


if __name__ == "__main__":
    app.run()
