"""Composition, overrides, refusals: everything a YAML file may and may not do."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from mug.config import load_config, save_config
from mug.errors import ConfigError


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


MODEL = """
model:
  base_learning_rate: 1e-4
  target: torch.nn.Linear
  params: {in_features: 3, out_features: 4}
"""


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return write(tmp_path / "model.yaml", MODEL)


def test_plain_containers_and_yaml_types(model: Path) -> None:
    config = load_config([model], ["model.params.bias=false", "version=0.1.0"])
    assert config["model"]["params"] == {"in_features": 3, "out_features": 4, "bias": False}
    assert config["model"]["base_learning_rate"] == 1e-4
    assert config["version"] == "0.1.0"
    assert json.loads(json.dumps(config)) == config
    assert type(config["model"]["params"]) is dict


def test_defaults_come_first_and_in_order(tmp_path: Path) -> None:
    write(tmp_path / "parts/a.yaml", "constants: {x: 1, y: 1, z: 1}")
    write(tmp_path / "parts/b.yaml", "constants: {y: 2, z: 2}")
    top = write(tmp_path / "top.yaml", "defaults: [parts/a.yaml, parts/b.yaml]\nconstants: {z: 3}")
    later = write(tmp_path / "later.yaml", "constants: {x: 9}")
    assert load_config([top]) == {"constants": {"x": 1, "y": 2, "z": 3}}
    assert load_config([top, later])["constants"]["x"] == 9
    assert load_config([later, top])["constants"]["x"] == 1


def test_defaults_beside_the_file_win_over_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "work/part.yaml", "constants: {from: working directory}")
    monkeypatch.chdir(tmp_path / "work")
    top = write(tmp_path / "sub/top.yaml", "defaults: part.yaml")
    assert load_config([top])["constants"] == {"from": "working directory"}
    write(tmp_path / "sub/part.yaml", "constants: {from: beside}")
    assert load_config([top])["constants"] == {"from": "beside"}


def test_circle_of_defaults(tmp_path: Path) -> None:
    a = write(tmp_path / "a.yaml", "defaults: b.yaml")
    write(tmp_path / "b.yaml", "defaults: a.yaml")
    with pytest.raises(ConfigError, match=r"circle.*a\.yaml.*b\.yaml.*a\.yaml"):
        load_config([a])


def test_missing_default_names_both_files(tmp_path: Path) -> None:
    a = write(tmp_path / "a.yaml", "defaults: nowhere.yaml")
    with pytest.raises(ConfigError, match=r"a\.yaml.*nowhere\.yaml"):
        load_config([a])


def test_interpolation_sees_overrides_and_later_files(tmp_path: Path) -> None:
    top = write(tmp_path / "t.yaml", "constants: {n: 1, m: '${constants.n}', s: 'a${.n}'}")
    constants = load_config([top], ["constants.n=5"])["constants"]
    assert constants == {"n": 5, "m": 5, "s": "a5"}


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("constants.k.1=7", [1, 7, {"deep": [3]}]),
        ("constants.k[1]=7", [1, 7, {"deep": [3]}]),
        ("constants.k.2.deep.0=7", [1, 2, {"deep": [7]}]),
        ("constants.k=[1e-4,null,true,1.5]", [1e-4, None, True, 1.5]),
        ("constants.k.2={a: 1}", [1, 2, {"deep": [3], "a": 1}]),
        ("constants.k=a=b", "a=b"),
        ("constants.k=", None),
    ],
)
def test_override(tmp_path: Path, override: str, expected: object) -> None:
    top = write(tmp_path / "t.yaml", "constants: {k: [1, 2, {deep: [3]}]}")
    k = load_config([top], [override])["constants"]["k"]
    assert k == expected or (expected is None and k in ("", None))


def test_the_number_of_columns_is_said_once(tmp_path: Path) -> None:
    top = write(tmp_path / "t.yaml", "constants: {keys: 4, rows: '${note_rows:${constants.keys}}'}")
    for keys in (4, 5, 8):
        assert load_config([top], [f"constants.keys={keys}"])["constants"]["rows"] == 4 * keys
    for wrong in ("0", "many"):
        with pytest.raises(ConfigError, match=r"constants\.rows"):
            load_config([top], [f"constants.keys={wrong}"])


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("constants.k.5=7", "2 items"),
        ("constants.k.x=7", "constants.k.x=7"),
        ("constants.k", "not an override"),
        ("constants.k={a: 1}", "cannot be set"),
        ("constants.k=[1", "not valid YAML"),
        ("constants.k=${oc.env:HOME}", "resolver"),
        ("constants.k=${note_rows:${oc.env:HOME}}", "resolver"),
    ],
)
def test_bad_override(tmp_path: Path, override: str, message: str) -> None:
    top = write(tmp_path / "t.yaml", "constants: {k: [1, 2]}")
    with pytest.raises(ConfigError, match=message.replace("(", r"\(")):
        load_config([top], [override])


@pytest.mark.parametrize(
    ("extra", "parts"),
    [
        ("modle: {}", ["extra.yaml:1", "'modle'", "Did you mean 'model'"]),
        ("lightning: {\n  traner: {}}", ["extra.yaml:2", "'traner'", "'trainer'"]),
        ("lightning:\n  trainer:\n    max_epoch: 3", ["extra.yaml:3", "'max_epoch'", "max_epochs"]),
        ("model:\n  params:\n    in_feature: 3", ["extra.yaml:3", "'in_feature'", "in_features"]),
        ("model:\n  learning_rate: 3", ["extra.yaml:2", "'learning_rate'", "base_learning_rate"]),
        ("model:\n  target: os.system", ["extra.yaml:2", "'os.system'", "not allowed"]),
        ("model:\n  target: torch.nn.Liner", ["extra.yaml:2", "'Liner'"]),
        ("lightning:\n  callbacks: {c: {target: 3}}", ["extra.yaml:2", "3", "not a name"]),
        ("model:\n  params: 3", ["not a mapping", "extra.yaml"]),
        ("constants: {a: '${b.c}'}", ["b.c"]),
        ("constants: {a: '???'}", ["constants.a"]),
    ],
)
def test_refusals_name_file_line_key_and_nearest(
    tmp_path: Path, model: Path, extra: str, parts: list[str]
) -> None:
    other = write(tmp_path / "extra.yaml", extra)
    with pytest.raises(ConfigError) as caught:
        load_config([model, other])
    for part in parts:
        assert part in str(caught.value)


def test_refusal_names_the_fragment_at_fault(tmp_path: Path) -> None:
    write(tmp_path / "part.yaml", "model:\n  params: {bia: true}\n")
    top = write(tmp_path / "top.yaml", "defaults: part.yaml\n" + MODEL)
    with pytest.raises(ConfigError, match=r"part\.yaml:2.*'bia'.*'bias'"):
        load_config([top])


def test_refusal_names_the_command_line(model: Path) -> None:
    with pytest.raises(ConfigError, match=r"command line.*'bia'.*'bias'"):
        load_config([model], ["model.params.bia=true"])


def test_checked_before_anything_is_built(model: Path) -> None:
    assert load_config([model], ["model.params.x=1"], check=False)["model"]["params"]["x"] == 1


@pytest.mark.parametrize(
    "text",
    [
        "constants: {a: '${oc.env:HOME}'}",
        "constants: {a: '${oc.env:HOME,x}'}",
        "constants: {a: '${oc.decode:\"1\"}'}",
        "constants: {a: '${b.${oc.env:HOME}}'}",
        "constants: {a: !!python/object/apply:os.system ['true']}",
        "constants: {a: !!python/name:os.system }",
        "constants: {a: !!python/object/apply:pathlib.Path ['x']}",
    ],
)
def test_loading_runs_nothing(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError):
        load_config([write(tmp_path / "evil.yaml", text)])


def test_yaml_error_has_its_line(tmp_path: Path) -> None:
    bad = write(tmp_path / "bad.yaml", "model:\n  params: [1, 2\nversion: 1\n")
    with pytest.raises(ConfigError, match=r"bad\.yaml:3"):
        load_config([bad])
    twice = write(tmp_path / "twice.yaml", "version: 1\nversion: 2\n")
    with pytest.raises(ConfigError, match=r"twice\.yaml:2"):
        load_config([twice])


def test_not_a_mapping_no_file_no_config(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="key: value"):
        load_config([write(tmp_path / "list.yaml", "- 1")])
    with pytest.raises(ConfigError, match="no such file"):
        load_config([tmp_path / "absent.yaml"])
    with pytest.raises(ConfigError, match="no config"):
        load_config([])


def test_saved_config_loads_to_the_same(tmp_path: Path, model: Path) -> None:
    config = load_config([model], ["constants={a: [1, {b: null}], t: 'ä: 1e-4'}"])
    save_config(config, tmp_path / "out/saved.yaml")
    assert load_config([tmp_path / "out/saved.yaml"]) == config
    assert yaml.safe_load((tmp_path / "out/saved.yaml").read_text(encoding="utf-8")) == config
