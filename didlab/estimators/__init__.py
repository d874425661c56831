"""The sample form of each measurement: columns of log-probabilities in, an estimate with its error out."""

from .estimate import Estimate, mean_estimate, slope_estimate
from .measurements import MEASUREMENTS, Measurement

__all__ = ["MEASUREMENTS", "Estimate", "Measurement", "mean_estimate", "slope_estimate"]
