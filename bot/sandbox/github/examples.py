"""Issues that stand in the sandbox from the start, so that there is something to be like.

All of it is made up, and says so: nobody reported this about these projects.
"""

from bot.sandbox.github.tracker import MAINTAINER, YOU, Tracker

_NOTE = "> Made up for ftbot's sandbox: nobody reported this.\n\n"

_GIL = (
    "made-up-linux-only 3.1 turns the GIL on when it is imported (made up)",
    """\
Importing `made_up_linux_only` 3.1 on CPython 3.14t turns the GIL on again:

```
$ python -VV
Python 3.14.2 free-threading build (main, Nov 20 2026) [GCC 14.2.0]
$ python -c "import made_up_linux_only"
<frozen importlib._bootstrap>:491: RuntimeWarning: The global interpreter lock (GIL) has been \
enabled to load module 'made_up_linux_only._speed', which has not declared that it can run \
safely without the GIL. To override this behavior and keep the GIL disabled (at your own risk), \
run with PYTHON_GIL=0 or -Xgil=0.
```

Linux x86_64, installed with pip from the wheel.
""",
)
_NO_WHEEL = (
    "grpcio has no wheel for free-threaded Python 3.14 (made up)",
    """\
`pip install grpcio` on 3.14t downloads the sdist and starts to compile, for there is no \
`cp314t` wheel for Windows:

```
ERROR: Could not find a version that satisfies the requirement grpcio (from versions: none)
ERROR: No matching distribution found for grpcio
```

Python 3.14.2 free-threading build, Windows 11, `pip install --only-binary=:all: grpcio`.
""",
)
_RACE = (
    "made-up-tool 0.9: data race between two threads that share a cache (made up)",
    """\
ThreadSanitizer on 3.14t, Linux:

```
WARNING: ThreadSanitizer: data race (pid=4711)
  Write of size 8 at 0x7fffa0c01230 by thread T2:
    #0 made_up_cache_insert made_up_cache.c:118
  Previous read of size 8 at 0x7fffa0c01230 by thread T1:
    #0 made_up_cache_lookup made_up_cache.c:64
SUMMARY: ThreadSanitizer: data race made_up_cache.c:118 in made_up_cache_insert
```
""",
)
_PERFORMANCE = (
    "made-up-archived 2.0 is slower with eight threads than with one (made up)",
    """\
| threads | 3.14 | 3.14t |
|---|---|---|
| 1 | 1.0 s | 1.1 s |
| 8 | 1.0 s | 2.9 s |

Each thread has its own data.
""",
)


def fill(tracker: Tracker, repository: str) -> None:
    """Open the examples in a repository."""
    for (title, body), labels in (
        (_GIL, ("bug", "free-threading")),
        (_NO_WHEEL, ("enhancement", "free-threading")),
        (_RACE, ("bug", "free-threading")),
        (_PERFORMANCE, ("performance", "free-threading")),
    ):
        tracker.open(repository, YOU, title, _NOTE + body, labels)
    race, slow = tracker.issue(repository, 3), tracker.issue(repository, 4)
    tracker.comment(race, MAINTAINER, "The cache has a lock now, in 0.10. Thank you!")
    tracker.close(race, "completed", MAINTAINER)
    tracker.comment(slow, MAINTAINER, "The project is archived, so this will stay as it is.")
    tracker.close(slow, "not_planned", MAINTAINER)
