from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest


@pytest.fixture
def printed() -> Callable[..., None]:
    """Assert that a value rounds to a printed figure, to the last digit shown.

    `slack` is the further uncertainty of the value where its own input was rounded.
    """

    def check(value: float, text: str, slack: float = 0.0) -> None:
        figure = Decimal(text)
        half_a_digit = Decimal(5).scaleb(int(figure.as_tuple().exponent) - 1)
        assert abs(Decimal(float(value)) - figure) <= half_a_digit + Decimal(slack), (
            f"{value!r} is not {text}"
        )

    return check
