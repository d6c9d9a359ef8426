"""Loss, accuracy of a probe and RankMe during a training."""

from bursts import X_test, vicreg, y_test

from sklearn_ssl.callbacks import OnlineProbe, ScoreMonitor
from sklearn_ssl.plotting import TrainingCurveDisplay

probe = OnlineProbe(X_test, y_test, name="accuracy", every=3)
rank = ScoreMonitor(X_test, "rankme", name="RankMe", every=3)
TrainingCurveDisplay.from_estimator(vicreg(max_epochs=12, net_params={"callbacks": [probe, rank]}))
