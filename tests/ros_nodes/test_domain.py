import socket

import pytest

from robot_meta.errors import ConfigError
from ros_nodes import domain


# Beyond those that other runs on this machine are given.
def test_two_claims_never_get_the_same_domain():
    with domain.claim([131, 132]) as one, domain.claim([131, 132]) as other:
        assert {one.number, other.number} == {131, 132}
        with pytest.raises(ConfigError, match="in use"):
            domain.claim([131, 132])
    with domain.claim([131]) as again:
        assert again.number == 131


def test_a_domain_in_which_somebody_speaks_is_left_alone():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as participant:
        participant.bind(("127.0.0.1", 7400 + 250 * 130 + 10))
        with domain.claim([130, 131]) as claim:
            assert claim.number == 131


def test_a_domain_is_found_without_being_told_where():
    with domain.claim() as one, domain.claim() as other:
        assert one.number != other.number
        assert {one.number, other.number} <= set(domain.DOMAINS)
