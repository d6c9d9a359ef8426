"""Which concepts the units of an encoder match, and what excites one unit."""

from bursts import X, vicreg, y

from sklearn_ssl.evaluation import dissect
from sklearn_ssl.plotting import DissectionDisplay

DissectionDisplay.from_dissection(dissect(vicreg(max_epochs=12), X, ["peak", "burst", "high_frequency"], y=y))
