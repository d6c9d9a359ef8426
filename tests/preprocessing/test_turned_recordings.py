import numpy as np
import pytest

from sklearn_ssl.preprocessing import window_recordings


@pytest.mark.parametrize(("n_channels", "is_turned"), [(4, False), (5, True), (6, True)])
def test_channels_that_could_be_the_time_steps_are_named(n_channels, is_turned):
    with pytest.raises(ValueError, match="`length`=5 is longer than recording") as error:
        window_recordings([np.zeros((n_channels, 4))], length=5)
    assert ("turn the axes" in str(error.value)) is is_turned
