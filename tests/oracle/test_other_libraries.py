"""The measures against scipy and dit, on ordinary policies."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.spatial.distance import jensenshannon
from scipy.special import softmax
from scipy.stats import entropy as scipy_entropy

from didlab import entropy, from_weights, js_divergence, kl_divergence, mutual_information, probabilities


@st.composite
def two(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    element = st.floats(-6, 6)
    k = draw(st.integers(2, 8))
    return draw(hnp.arrays(np.float64, k, elements=element)), draw(hnp.arrays(np.float64, k, elements=element))


@given(two())
def test_scipy(pair: tuple[np.ndarray, np.ndarray]) -> None:
    a, b = pair
    p, q = softmax(a), softmax(b)
    assert entropy(a) == pytest.approx(scipy_entropy(p), rel=1e-12)
    assert kl_divergence(a, b) == pytest.approx(scipy_entropy(p, q), rel=1e-10, abs=1e-14)
    if js_divergence(a, b) > 1e-12:
        assert js_divergence(a, b) == pytest.approx(jensenshannon(p, q) ** 2, rel=1e-3, abs=1e-14)


def test_dit() -> None:
    with warnings.catch_warnings():  # the library warns while it is imported, which is not what is tested
        warnings.simplefilter("ignore")
        dit = pytest.importorskip("dit")
        from dit.divergences import jensen_shannon_divergence, kullback_leibler_divergence
        from dit.multivariate import entropy as dit_entropy
        from dit.shannon import mutual_information as dit_information

        rng = np.random.default_rng(0)
        for k in (2, 3, 5):
            names = [str(i) for i in range(k)]
            u, v = from_weights(rng.integers(1, 20, k)), from_weights(rng.integers(1, 20, k))
            p, q = (dit.Distribution(names, probabilities(x)) for x in (u, v))
            bits = np.log(2)
            assert float(entropy(u)) == pytest.approx(dit_entropy(p) * bits, rel=1e-10)
            assert float(kl_divergence(u, v)) == pytest.approx(kullback_leibler_divergence(p, q) * bits, rel=1e-9)
            assert float(js_divergence(u, v)) == pytest.approx(jensen_shannon_divergence([p, q]) * bits, rel=1e-9)
            rho = np.log([0.25, 0.75])
            joint = np.exp(rho)[:, None] * probabilities(np.stack([u, v]))
            pairs = [f"{x}{y}" for x in range(2) for y in range(k)]
            table = dit.Distribution(pairs, joint.ravel())
            expected = dit_information(table, [0], [1]) * bits
            assert float(mutual_information(rho, np.stack([u, v]))) == pytest.approx(expected, rel=1e-9)
