"""The examples in the README of the objects are what their models describe."""

from __future__ import annotations

import json
import re
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

import pytest

from gateway.core import objects
from gateway.core.objects.values import Object, Part

README = Path(objects.__file__).with_name("README.md").read_text()
EXAMPLES = re.findall(r"^## (\w+)\n.*?^```json\n(.*?)^```", README, flags=re.MULTILINE | re.DOTALL)
PARTS = [
    (name, model)
    for module in iter_modules(objects.__path__)
    for name, model in vars(import_module(f"{objects.__name__}.{module.name}")).items()
    if isinstance(model, type) and issubclass(model, Part)
]
# What is no row of Open Dental is a part that is shown by itself; sections of 360 have names of objects, too.
MODELS = dict(sorted(PARTS, key=lambda part: issubclass(part[1], Object)))


def test_the_readme_has_examples_each_once() -> None:
    names = [name for name, _ in EXAMPLES]

    assert names and len(names) == len(set(names))
    assert len(names) == len(re.findall(r"^## ", README, flags=re.MULTILINE))


@pytest.mark.parametrize(("name", "example"), EXAMPLES, ids=[name for name, _ in EXAMPLES])
def test_an_example_is_an_object_of_its_model(name: str, example: str) -> None:
    MODELS[name].model_validate(json.loads(example), strict=True)


def test_every_object_that_has_an_id_of_its_own_has_an_example() -> None:
    shown = {name for name, _ in EXAMPLES}

    assert {name for name, model in MODELS.items() if issubclass(model, Object) and model is not Object} <= shown
