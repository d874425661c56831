"""Mutants that survive because they are true, each with the reason."""
# ruff: noqa: E501

TRUE_MUTANTS = {
    "a weaker statement: one part of the conjunction, or one direction of the equivalence": [
        "gibbs: return either(at_least(kl_divergence(p, q), 0), iff(equal(kl_divergence(p, q), 0), forall(equal(p, q))))",
        "gibbs: return both(at_least(kl_divergence(p, q), 0))",
        "gibbs: return both(iff(equal(kl_divergence(p, q), 0), forall(equal(p, q))))",
        "gibbs: return both(at_least(kl_divergence(p, q), 0), implies(equal(kl_divergence(p, q), 0), forall(equal(p, q))))",
    ],
    "KL(q||p) is not negative either, and 0 for the same policies": [
        "gibbs: return both(at_least(kl_divergence(q, p), 0), iff(equal(kl_divergence(p, q), 0), forall(equal(p, q))))",
        "gibbs: return both(at_least(kl_divergence(p, q), 0), iff(equal(kl_divergence(q, p), 0), forall(equal(p, q))))",
    ],
    "the changed term is multiplied by 0": [
        "jensen_shannon: m = mix(p, q, 0 + _half(p)); return equal(js_divergence(p, q), (kl_divergence(p, m) + kl_divergence(q, m)) / 2)",
        "jensen_shannon: m = mix(p, q, 0 / p[..., :1] + _half(p)); return equal(js_divergence(p, q), (kl_divergence(p, m) + kl_divergence(q, m)) / 2)",
        "complement: m = preference_matrix(reward); return equal(m + m.swapaxes(-1, -2), 1 - 0 * m)",
        "complement: m = preference_matrix(reward); return equal(m + m.swapaxes(-1, -2), 1 + 0)",
        "complement: m = preference_matrix(reward); return equal(m + m.swapaxes(-1, -2), 1 + 0 / m)",
    ],
    "a larger bound, or one that is still true: JS is at most a sixth of the sum": [
        "js_at_most_kl: return at_least((kl_divergence(p, q) + kl_divergence(q, p)) * 4, js_divergence(p, q))",
        "js_at_most_kl: return at_least((kl_divergence(p, q) + kl_divergence(q, p)) / 5, js_divergence(p, q))",
        "js_at_most_kl: return at_least((kl_divergence(p, q) + kl_divergence(q, p)) / 6, js_divergence(p, q))",
    ],
    "JS is at most half of either KL": [
        "js_at_most_kl: return at_least((kl_divergence(q, p) + kl_divergence(q, p)) / 4, js_divergence(p, q))",
        "js_at_most_kl: return at_least((kl_divergence(p, q) + kl_divergence(p, q)) / 4, js_divergence(p, q))",
    ],
    "a weaker constant": [
        "pinsker: c = carrier_of(p); distance = abs(c.exp(p) - c.exp(q)).sum(-1); return at_least(3 * kl_divergence(p, q), distance * distance)",
        "pinsker: c = carrier_of(p); distance = abs(c.exp(p) - c.exp(q)).sum(-1); return at_least(4 * kl_divergence(p, q), distance * distance)",
    ],
    "Pinsker's inequality holds for KL(q||p) too": [
        "pinsker: c = carrier_of(p); distance = abs(c.exp(p) - c.exp(q)).sum(-1); return at_least(2 * kl_divergence(q, p), distance * distance)",
    ],
    "a larger left side": [
        "chi_square: c = carrier_of(p); return at_least((c.exp(p) * c.exp(p - q)).sum(-1) + 1, kl_divergence(p, q))",
        "chi_square: c = carrier_of(p); return at_least((c.exp(p) * c.exp(p - q)).sum(-1) - 0, kl_divergence(p, q))",
        "chi_square: c = carrier_of(p); return at_least((c.exp(p) * c.exp(0 - q)).sum(-1) - 1, kl_divergence(p, q))",
    ],
    "a stronger hypothesis, or equality at sharpness 1": [
        "sharper_lower: return implies(at_least(sharpness[..., 0], 1), at_least(entropy(reference), entropy(policy)))",
        "sharper_lower: return implies(equal(sharpness[..., 0], 1), at_least(entropy(reference), entropy(policy)))",
        "sharper_lower: return implies(greater(sharpness[..., 0], 2), at_least(entropy(reference), entropy(policy)))",
        "sharper_lower: return implies(greater(sharpness[..., 0], 3), at_least(entropy(reference), entropy(policy)))",
    ],
    "a stronger hypothesis, or equality at sharpness 1 or 2": [
        "did_of_a_much_sharper: return implies(at_least(6 * sharpness[..., 0], 12), at_least(entropy(reference), did_entropy(policy, reference)))",
        "did_of_a_much_sharper: return implies(equal(6 * sharpness[..., 0], 12), at_least(entropy(reference), did_entropy(policy, reference)))",
        "did_of_a_much_sharper: return implies(greater(6 * sharpness[..., 0], 13), at_least(entropy(reference), did_entropy(policy, reference)))",
        "did_of_a_much_sharper: return implies(greater(6 * sharpness[..., 0], 14), at_least(entropy(reference), did_entropy(policy, reference)))",
        "did_of_a_mildly_sharper: return implies(both(greater(sharpness[..., 0], 1), at_least(12, 6 * sharpness[..., 0])), at_least(did_entropy(policy, reference), entropy(reference)))",
        "did_of_a_mildly_sharper: return implies(both(equal(sharpness[..., 0], 1), at_least(12, 6 * sharpness[..., 0])), at_least(did_entropy(policy, reference), entropy(reference)))",
        "did_of_a_mildly_sharper: return implies(both(at_least(sharpness[..., 0], 1), greater(12, 6 * sharpness[..., 0])), at_least(did_entropy(policy, reference), entropy(reference)))",
        "did_of_a_mildly_sharper: return implies(both(at_least(sharpness[..., 0], 1), equal(12, 6 * sharpness[..., 0])), at_least(did_entropy(policy, reference), entropy(reference)))",
        "did_of_a_mildly_sharper: return implies(both(at_least(sharpness[..., 0], 2), at_least(12, 6 * sharpness[..., 0])), at_least(did_entropy(policy, reference), entropy(reference)))",
        "did_of_a_mildly_sharper: return implies(both(at_least(sharpness[..., 0], 3), at_least(12, 6 * sharpness[..., 0])), at_least(did_entropy(policy, reference), entropy(reference)))",
        "did_of_a_mildly_sharper: return implies(both(at_least(sharpness[..., 0], 1), at_least(12, 7 * sharpness[..., 0])), at_least(did_entropy(policy, reference), entropy(reference)))",
        "did_of_a_mildly_sharper: return implies(both(at_least(sharpness[..., 0], 1), at_least(12, 8 * sharpness[..., 0])), at_least(did_entropy(policy, reference), entropy(reference)))",
    ],
    "H(p) >= H(p)": [
        "product_sharpens: c = carrier_of(reference); return at_least(entropy(reference), entropy(c.log_softmax(reference + 0)))",
    ],
    "one direction of the equivalence": [
        "stronger_wins: m = preference_matrix(reward); return implies(greater(outer(reward), 0), greater(m + m, 1))",
    ],
    "a weaker bound, or one part of the conjunction": [
        "log_bound: c = carrier_of(a); return either(at_least(a - 1, c.log(a)), at_least(c.log(a), 1 - 1 / a))",
        "log_bound: c = carrier_of(a); return both(at_least(a - 1, c.log(a)))",
        "log_bound: c = carrier_of(a); return both(at_least(c.log(a), 1 - 1 / a))",
        "log_bound: c = carrier_of(a); return both(at_least(a + 1, c.log(a)), at_least(c.log(a), 1 - 1 / a))",
        "log_bound: c = carrier_of(a); return both(at_least(a - 0, c.log(a)), at_least(c.log(a), 1 - 1 / a))",
        "log_bound: c = carrier_of(a); return both(at_least(a - 1, c.log(a)), at_least(c.log(a), 0 - 1 / a))",
        "log_bound: c = carrier_of(a); return both(at_least(a - 1, c.log(a)), at_least(c.log(a), 1 - 2 / a))",
        "log_bound: c = carrier_of(a); return both(at_least(a - 1, c.log(a)), at_least(c.log(a), 1 - 3 / a))",
    ],
}
