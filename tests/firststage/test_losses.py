"""The reconstruction loss against the recording, and what the valid mask leaves out."""

import math

import pytest
import torch
from golden_formula import normal_input, note_input
from repository import load_golden

from mug.firststage.losses import ManiaReconstructLoss

META, _ = load_golden("losses")
# The weights of the reference's autoencoder.yaml.
YAML = {
    "weight_start_offset": 0.5,
    "weight_holding": 0.5,
    "weight_end_offset": 0.2,
    "label_smoothing": 0.001,
}
NOTES = torch.from_numpy(note_input("loss_note", 256, 3))
RANDOM = torch.from_numpy(normal_input("loss_rec", (3, 16, 256)))
OUTPUTS = {"random": RANDOM, "good": RANDOM * 0.5 + 4 * (NOTES - 0.5)}
VALID = (torch.arange(256) < 200).float().expand(3, 256)


@pytest.mark.parametrize("output", ["random", "good"])
@pytest.mark.parametrize(("name", "weights"), [("defaults", {}), ("yaml", YAML)])
def test_parts_and_metrics_equal_the_recording(name, weights, output):
    expected = dict(META["results"][f"{name}/{output}"])
    expected.pop("loss_float64")
    loss, parts = ManiaReconstructLoss(**weights)(NOTES, OUTPUTS[output], VALID)
    assert loss.item() == pytest.approx(expected.pop("loss"), rel=1e-5)
    assert {key: value.item() for key, value in parts.items()} == pytest.approx(expected, rel=1e-5)


def test_the_valid_mask_leaves_out_what_is_behind_the_chart():
    loss = ManiaReconstructLoss(use_valid=True)
    spoiled = RANDOM.clone()
    spoiled[..., 200:] = 50
    reference = ManiaReconstructLoss()
    total, parts = loss(NOTES, RANDOM, VALID)
    total_spoiled, parts_spoiled = loss(NOTES, spoiled, VALID)
    assert total_spoiled == total
    assert parts_spoiled == parts
    assert reference(NOTES, spoiled, VALID)[0] > reference(NOTES, RANDOM, VALID)[0] + 1
    _, parts_cut = reference(NOTES[..., :200], RANDOM[..., :200], VALID[..., :200])
    # Holds across the cut end there for the cut chart only; starts know nothing of it.
    for name in ("start_loss", "holding_loss", "offset_start_loss", "acc_rice", "recall_ln"):
        assert parts[name].item() == pytest.approx(parts_cut[name].item(), rel=1e-5)


def test_an_end_offset_counts_at_the_last_frame_of_a_hold_only():
    notes = torch.zeros(1, 16, 12)
    notes[0, 8, 3:6] = 1
    notes[0, 9, 10:12] = 1  # held to the last frame
    loss = ManiaReconstructLoss()
    base = loss(notes, torch.zeros(1, 16, 12), torch.ones(1, 12))[1]["offset_end_loss"]
    touched = []
    for row in range(4):
        for frame in range(12):
            output = torch.zeros(1, 16, 12)
            output[0, 12 + row, frame] = 1
            if loss(notes, output, torch.ones(1, 12))[1]["offset_end_loss"] != base:
                touched.append((row, frame))
    assert touched == [(0, 5), (1, 11)]


def test_positives_can_count_more():
    plain, weighted = ManiaReconstructLoss(), ManiaReconstructLoss(positive_weight=5.0)
    logits = torch.full_like(NOTES, -math.log(5.0))  # shifted to 0: every cell costs ln 2
    _, parts = weighted(NOTES, logits, VALID)
    share = NOTES[:, :4].mean().item()
    assert parts["start_loss"].item() == pytest.approx(0.693147 * (1 + 4 * share), rel=1e-4)
    total, _ = ManiaReconstructLoss(weight_start=3.0)(NOTES, RANDOM, VALID)
    base, base_parts = plain(NOTES, RANDOM, VALID)
    assert (total - base).item() == pytest.approx(2 * base_parts["start_loss"].item(), rel=1e-5)


@pytest.mark.parametrize("weight", [1.0, 5.0, 20.0])
def test_an_even_chance_stays_at_logit_zero(weight):
    """Half of the cells are starts and nothing tells which: the best constant logit is 0."""
    notes = torch.zeros(1, 16, 100)
    notes[:, :4, ::2] = 1
    loss = ManiaReconstructLoss(positive_weight=weight)
    around = [
        loss(notes, torch.full_like(notes, value), VALID[:1, :100])[1]["start_loss"].item()
        for value in (-0.1, 0.0, 0.1)
    ]
    assert around[1] == min(around)
