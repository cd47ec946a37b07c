"""What the binaries of a wheel declare about the GIL, read without running anything of them.

What reads is pure: bytes come from a `Source`, be it a file or a server that gives ranges.

    source      bytes at random; what cannot be read raises Unreadable
    archive     a wheel's members, and the inside of one
    elf, pe, macho  containers; each gives an Image
    image       a module as it lies in memory: segments, pointers, exports, imports
    code        what machine code shows; never more than likely
    rules       what a module declares
    wheel       a verdict for a wheel
    ranges      a wheel on a server as a source
    remote      in which order such a wheel is read, and what comes of it if it cannot be
    store       what was read, for ever, and what is to be read
    service     answers from there, and the job that reads more
"""
