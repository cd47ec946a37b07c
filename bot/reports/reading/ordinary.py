"""Words that are names of projects too, and mean themselves in a title or in prose.

Of the projects that are downloaded much, those whose names are words of English or of the trade and
are mostly used as such. Where only a name can stand, after `pip install` say, they count as all do.
"""

from typing import Final

ORDINARY: Final = frozenset(
    """
    abi abi3 abi3t ably accelerate acme acquire acquisition acres adagio adapters addict advocate
    agents ago ailment aim alpaca alpha amd amplitude anise annoy anteroom api app apple apprise
    apps ar arcade arch args arguably arm array arrays arrow art asan assertive asserts astral async
    atomic audit auth automaton av awkward ax azure backport bad baize banal bandit banks baron
    bases bash beaker beam bellows bench benchmark benchmarks beta big bin binary bitcoin bitmap
    black blaze bld blessed blessings blob blockbuster blurb board bool bottle bottleneck bowler box
    breathe broadcaster buffer bug build builder builds bullet bump bytecode cache caches can canvas
    cargo cart cashews catalogue cc cdef cement census certificates chalice changelog channels char
    chem chemicals chess chevron chore choreographer chromium ci circus clang classes click client
    cliff clip clipboard cmake coal cobble cobra cobs code cog coiled colored colorful colour column
    columnar comm common community compel compile compiler compose concurrent conditional config
    confuse cons console constantly construct constructs consul container contractions control
    cookies copier copulas core corner cornice cosmos cot cotyledon coverage coveralls cpu cpython
    crash crate crayons creosote crested cruft crypto csv cuda cups curies curl curses cursive
    cursor custodian cutlass cutlet cyclic daemon daft daiquiri darker darts dash data databases
    dataset date datetime dead deadline deadlock debian debug decorator dedupe default delighted
    delta dep dependence dependencies deprecated deprecation desert determined detoxify dev diagrams
    dict direct discord distance distribute distributed distro dll doc docker docs documentation
    dodgy dominate download downstream drake drizzle dub duet editor eel eight email emails emcee
    emoji enchant enh enlighten enrich ensure env environment environs envoy eradicate error
    escapism essentials evaluate event events evidently example examples excel exe executing
    executor exhale expects experimental expo expression extension extensions external extras fabric
    face factory faq fast fasteners fault feast feat feature features fedora ffi ffmpeg fiddle field
    fields file files fingerprints fire first fix fixtures flair flaky flashy flex flint flit float
    flower fluids form forms formulas fray free free-threaded free-threading freethreading frontend
    fs function functions fuse future futures fuzzy gcc gdb genie giddy gil git github giving
    glances global glossary glum go golang good google gpu grain graph gravity greenback greenery
    grip groovy guacamole guardian guide guides guppy gym hacking haiku halo hammock harbor hash
    hatch header headers heap help hf hid holidays hologram honcho how-to html http https hug
    humanize humps hunter hurry hydra hyper hyperlink hypothesis ibis id identify identity ignore
    image images impala imperfect implicit inboard include incremental indent index inference
    infinity inflect inflection inform inject injector input inputs inquirer install installation
    installer instructor int intake intel interchange internal interpret interpreter interrogate
    intervals invoke io irc isolate issue issues item items iterators ivy jams java javascript jc
    jinxed jq json jubilant julia kernel kernels key keyboard keys keystone kink kitchen knack kneed
    kotlin label labels laboratory laces lance lap larch later latest lazy lenses less lexer lib
    library libs license lifelines lifetimes lightly lime limits line lines link linker linux list
    lists lit lizard lldb llvm lob local locales locate lock locket lockfile locks log logbook
    logger logging logs loop macos magic mailer mailman main make mammoth mandrill manhole mantle
    many manylinux map markdown massive master mastodon material math matrix measurement memory
    mercantile mercurial mesa method methods microsoft migration mike mime mink miscreant missing
    mistletoe mixer mnemonic mock mocker modal mode model models module modules molecule moment
    money more most motor mouse multi multipart multiprocessing multitasking munch musllinux mutex
    mysql naked name named names nano napalm native nestle new news newspaper nicknames nightly
    ninja no-gil node nodes nogil nominal none normality nose notebook nothing notion npm null
    nvidia object objects observable official old one openai openapi ops optimum os other outcome
    outdated outlines output overloading overrides package packages packaging pact paddle page pages
    paginate panda panel paragraphs parallel param params parquet parse parser parsley parted
    particle pasta paste pastel patch patchwork patchy path pathos paths pebble pecan pelican
    peppercorn peppy perception perf performance perky persistence persistent phonetics phonic
    piccolo pick pid pin pins pipe piper placebo plan plaster platform playhouse plucky plugin
    plugins ply pockets pointer polling polyglot pony pool port portend porting portion postal pot
    pottery pox pr prance prefigure prefixed preppy pretend pretenders prices primp prince priority
    prison private process processes procrastinate profiler profiling progress project promise
    pronouncing pronto prophet prospector proton prowler public publication pulsar pure purify purl
    pusher pwn py pyc pyd pypi python pyx q quadrants quantities queries question quests queue race
    radon random ratio raven ray rc readability readme record records recurrent redo ref referencing
    reflex regions regress release reliability replicate report reports reprint request requests
    resend response responses result results retry retrying returns reuse reversion rich river
    roadmap robot roman rook rope rouge routes row rows rpm rubric ruby rules runs runtime rush rust
    rustc rx safety salt sampling sane sanitary sanitizer sax schedule scheduler schema schematics
    scholarly scour scrapbook script scripts sdist secure segfault segment segments selfies sentinel
    sentinels serial serpent server set sets setup sh shared shell shillelagh shimmy shiny sickle
    sidecar sift signal signals signify simd simile simplification single siphon six slack slacker
    slicer sling slipcover slippers slow slumber sly small snappy snoop snorkel snowflake sob
    sockets socks solders some sonnet sox spaces sparse spectacles spin spinners splines splinter
    spur sql src stable stack stagehand stamina standard state static statistics status stem
    stemming stevedore stomp stone storage storey strawberry string strings stripe stubs stumpy sty
    style suds sumo supervision supervisor support sure surprise surrogate svn sweeps swift swig sys
    system ta table tables tabulator tag tags tavern technical telegram telegraph temp tensor
    terminal test tests text textile thespian thread threaded threading threads three tiled time
    timeout timer times tinker tinsel title tk todo together token tokens toml tools tortoise tower
    trace traceback tracing tracker tracking trainer traits trampoline transaction transformations
    transitions translate translators transliterate tree triad triangle troposphere truss tsan tts
    tuna tuple tutorial twiggy twine twitter two type types typing typos tyro ubsan ubuntu uncalled
    uncertainties unearth unicode unicorn unify union unstructured untangle update updates upgrade
    upstream url us user username users utils uuid vale validators value values valve vector venv
    vermin version versions vicinity view views vine visa visions visitor voyager vulture waffle
    wagon waiter waiting walrus warlock warning warrant watchdog watermark weave web websocket west
    wget wheel wheels whenever whisper whoosh willow wimpy windows wip woodwork word words workdays
    worker workers xenon xml yaml
    """.split()  # noqa: SIM905 - a thousand quotation marks would not be read
)
BYSTANDERS: Final = frozenset(
    """
    auditwheel boost build cffi cibuildwheel cmake conda coverage cython delocate distutils flit
    flit-core hatch hatchling hypothesis mamba maturin meson meson-python mypyc nanobind ninja nox
    packaging pdm pip pipx pixi pluggy poetry poetry-core pybind11 pyenv pytest ruff scikit-build
    scikit-build-core setuptools setuptools-rust setuptools-scm swig tox twine uv virtualenv wheel
    """.split()  # noqa: SIM905 - as above
)
"""Tools that projects are built, bound, installed and tested with."""
