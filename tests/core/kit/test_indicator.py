import pytest

from sanzhi_core.kit.indicator import Indicator, Status, Target

T2 = Indicator("T2", "星级评定率", "Rate", "评定户", "总户数", Target(2, 5, soft=True), "seed 002")
T3 = Indicator("T3", "六星级以上占比", "Six and more", "六星户", "评定户", Target(3, 5), "seed 002")


def test_roll_up_of_sv_6_sums_and_takes_no_mean() -> None:
    village_a, village_b = T3.figure(35, 50), T3.figure(60, 110)
    assert (village_a.percent, village_b.percent) == ("70.00", "54.55")
    merged = T3.roll_up([village_a, village_b])
    assert (merged.num, merged.den, merged.percent, merged.status) == (95, 160, "59.38", Status.NOT_REACHED)


def test_nothing_to_divide_by_is_not_applicable() -> None:
    figure = T3.figure(0, 0)
    assert (figure.percent, figure.status, figure.needs_reason) == (None, Status.NOT_APPLICABLE, False)
    assert T3.roll_up([]).status is Status.NOT_APPLICABLE
    assert T3.roll_up([figure, T3.figure(3, 5)]).status is Status.REACHED


def test_without_target_nothing_is_reached() -> None:
    counted = Indicator("C6", "明文读取", "Unmask reads", "次数", "千人")
    assert counted.figure(3, 4).status is Status.NOT_APPLICABLE
    assert counted.figure(3, 4).percent == "75.00"


def test_a_missed_soft_target_needs_a_reason() -> None:
    assert T2.figure(99, 250).needs_reason
    assert not T2.figure(100, 250).needs_reason
    assert not T3.figure(59, 100).needs_reason


def test_figures_of_another_indicator_are_not_summed() -> None:
    with pytest.raises(ValueError, match="T3"):
        T3.roll_up([T2.figure(1, 2)])
