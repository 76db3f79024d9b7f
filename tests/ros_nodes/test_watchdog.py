from ros_nodes.watchdog import WATCHDOG_NS, Watchdog


def test_it_sleeps_until_fed_and_bites_once_for_each_silence():
    dog = Watchdog()
    assert not dog.bites(10 * WATCHDOG_NS)
    for begin in (0, 5 * WATCHDOG_NS):
        dog.feed(begin)
        assert not dog.bites(begin + WATCHDOG_NS)
        assert dog.bites(begin + WATCHDOG_NS + 1)
        assert dog.bitten
        assert not dog.bites(begin + 2 * WATCHDOG_NS)
    dog.feed(9 * WATCHDOG_NS)
    assert not dog.bitten
