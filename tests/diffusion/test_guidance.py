"""Guidance: what it computes, and what it does not compute."""

import pytest
import torch

from mug.diffusion.guidance import guide, guided, join
from mug.protocols import Condition, Prediction


def linear_maker(calls):
    """Denoisers whose x0 is the sum of the context; eps is its negative."""

    def make(condition):
        def denoise(x_t, step):
            calls.append((x_t.shape[0], step.tolist()))
            value = condition.context.sum((1, 2)).view(-1, *[1] * (x_t.ndim - 1)).expand_as(x_t)
            return Prediction(value, -value)

        return denoise

    return make


ASKED = Condition(torch.full((2, 1, 3), 2.0), [torch.ones(1, 4, 8)])
OTHER = Condition(torch.full((2, 1, 3), 1.0), ASKED.audio)


@pytest.mark.parametrize("shape", [(2, 5, 6), (2, 5, 6, 7)])
def test_moves_away_from_the_negative_prompt_in_one_call(shape):
    calls = []
    guided = guide(linear_maker(calls), ASKED, OTHER, 5.0)
    prediction = guided(torch.zeros(shape), torch.tensor([3, 3]))
    torch.testing.assert_close(prediction.x0, torch.full(shape, 3 + 5 * (6 - 3.0)))
    torch.testing.assert_close(prediction.eps, -prediction.x0)
    assert calls == [(4, [3, 3, 3, 3])]


@pytest.mark.parametrize(("negative", "scale"), [(OTHER, 1.0), (None, 5.0)])
def test_no_second_pass_without_need(negative, scale):
    calls = []
    guided = guide(linear_maker(calls), ASKED, negative, scale)
    assert (guided(torch.zeros(2, 5, 6), torch.tensor([3, 3])).x0 == 6).all()
    assert calls == [(2, [3, 3])]


def test_two_calls_give_the_answer_of_one():
    calls = []
    make = linear_maker(calls)
    x_t, step = torch.zeros(2, 5, 6), torch.tensor([3, 3])
    apart = guided(make(ASKED), make(OTHER), 5.0)(x_t, step)
    together = guide(make, ASKED, OTHER, 5.0)(x_t, step)
    torch.testing.assert_close(apart, together)
    assert calls == [(2, [3, 3]), (2, [3, 3]), (4, [3, 3, 3, 3])]
    plain = make(ASKED)
    assert guided(plain, make(OTHER), 1.0) is plain
    assert guided(plain, None, 5.0) is plain


def test_shared_audio_is_not_copied_and_own_audio_is():
    joint = join(OTHER, ASKED)
    assert joint.audio[0] is ASKED.audio[0]
    assert joint.context[:, 0, 0].tolist() == [1, 1, 2, 2]
    apart = join(Condition(OTHER.context, [torch.zeros(1, 4, 8)]), ASKED)
    assert apart.audio[0][:, 0, 0].tolist() == [0, 0, 1, 1]


def test_audio_of_each_item_stays_with_its_item_in_both_halves():
    own = [torch.arange(2.0).view(2, 1, 1).expand(2, 4, 8)]
    joint = join(Condition(OTHER.context, own), Condition(ASKED.context, own))
    assert joint.audio[0][:, 0, 0].tolist() == [0, 1, 0, 1]
    # One prompt serves charts with rows of their own, and one silence stands against all of them.
    silence = [torch.full((1, 4, 8), 5.0)]
    one = Condition(OTHER.context[:1], silence)
    joint = join(one, Condition(ASKED.context[:1], own))
    assert joint.audio[0][:, 0, 0].tolist() == [5, 5, 0, 1]
    assert joint.context[:, 0, 0].tolist() == [1, 1, 2, 2]


def test_one_negative_prompt_serves_the_whole_batch():
    one = Condition(torch.full((1, 1, 3), 1.0), ASKED.audio)
    assert join(one, ASKED).context[:, 0, 0].tolist() == [1, 1, 2, 2]


def test_features_on_one_side_only_are_refused():
    with pytest.raises(ValueError, match="other has none"):
        join(Condition(None, ASKED.audio), ASKED)
