"""ftbot passes its own test: nothing that it runs on turns the GIL back on."""

import json
import subprocess
import sys
import sysconfig

import pytest

# In a process of its own, without what pytest and its plugins have imported.
IMPORT_ALL = r"""
import importlib, importlib.metadata as metadata, json, pkgutil, re, sys, warnings
from importlib.machinery import EXTENSION_SUFFIXES
import bot, cogs

warnings.simplefilter("ignore")

def distributions(name, seen):
    '''The distributions that are installed for `name`, extras included.'''
    name = re.sub("[-_.]+", "-", name).lower()
    if name in seen:
        return seen
    try:
        requires = metadata.requires(name) or []
    except metadata.PackageNotFoundError:  # of another platform, or an extra that nobody asked for
        return seen
    seen.add(name)
    for requirement in requires:
        distributions(re.match("[A-Za-z0-9._-]+", requirement)[0], seen)
    return seen

def extensions(distribution):
    for path in metadata.files(distribution) or ():
        for suffix in EXTENSION_SUFFIXES:
            if str(path).endswith(suffix):
                yield str(path).removesuffix(suffix).replace("/", ".")
                break

names = ["bot", "cogs"] + [m.name for p in (bot, cogs)
         for m in pkgutil.walk_packages(p.__path__, p.__name__ + ".") if m.name != "bot.__main__"]
# matplotlib brings fonttools, which turns the GIL on, into the process that draws and ends.
names += sorted({each for d in distributions("ftbot", {"fonttools"}) for each in extensions(d)
                 if d != "fonttools"})
imported, failed, culprits = [], {}, []
for name in names:
    try:
        importlib.import_module(name)
        imported.append(name)
    except ImportError as error:
        failed[name] = str(error)
    if sys._is_gil_enabled() and not culprits:
        culprits.append(name)
print(json.dumps({"imported": imported, "failed": failed, "culprits": culprits}))
"""


@pytest.mark.skipif(
    not sysconfig.get_config_var("Py_GIL_DISABLED"), reason="this Python has no free threading"
)
def test_no_import_turns_the_gil_on() -> None:
    done = subprocess.run(
        [sys.executable, "-c", IMPORT_ALL], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["culprits"] == []
    assert not [name for name in found["failed"] if name.split(".")[0] in {"bot", "cogs"}]
    # The walk really reached compiled code of several packages.
    compiled = {name.split(".")[0] for name in found["imported"]} - {"bot", "cogs"}
    assert {"aiohttp", "msgspec", "pydantic_core", "rapidfuzz", "yarl"} <= compiled
