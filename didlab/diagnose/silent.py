"""Statements that a score table may not speak of, and what would be needed."""

__all__ = ["SILENT"]

SAMPLES = "needs responses that the models drew themselves: `didlab score --samples N`"
TRAINED = "needs samples and a policy trained to the DID: `didlab did-model` makes both"
SOURCE = "needs the model that wrote the rejected responses: `didlab score --rejected-policy MODEL`"
GRADIENTS = "needs the model itself: `didlab diagnose --gradients K --policy MODEL --data FILE`"
SILENT = {
    "did.thm-3.3": SOURCE,
    "did.thm-3.5.order-implies-power-law": SOURCE,
    "did.thm-3.5.power-law-implies-order": SOURCE,
    "did.claim-4.1.reinforcing": SAMPLES,
    "did.claim-4.1.smoothing": SAMPLES,
    "did.claim-4.1.converse": SAMPLES,
    "did.claim-4.1.assumptions": "speaks of the values of both policies on all responses, not on those that are drawn",
    "did.sec-4.2.displacement": SAMPLES,
    "did.sec-4.2.displacement-at-mode": "the mode of a language model is not found by drawing from it",
    "did.app-e.identity": TRAINED,
    "did.likelihood.chosen": SAMPLES,
    "did.likelihood.rejected": SOURCE,
    "did.app-k.entropy": SAMPLES,
    "did.app-k.partition": SAMPLES,
    "did.app-k.formula": SAMPLES,
    "did.app-k.trained": TRAINED,
    "did.app-k.greedy": TRAINED,
    "did.app-k.1": TRAINED,
    "gip.eq-5": GRADIENTS,
    "gip.eq-7": GRADIENTS,
    "gip.table-1": GRADIENTS,
    "gip.eq-9": "needs an objective whose loss depends on this table: `didlab diagnose --objective NAME`",
    "gip.eq-10": "needs an objective whose loss depends on this table: `didlab diagnose --objective NAME`",
    "gip.sec-4.2.differing-token": GRADIENTS,
    "gip.sec-4.2.cosine-suffix": "compares one pair with itself after a longer suffix; data do not hold such pairs",
    "gip.sec-4.2.identical-tokens": GRADIENTS,
}
