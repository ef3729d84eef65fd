"""The way back from the room: every descriptor that can be written to, and messages forged in the room's own format.

A forged message is an answer like any other; here all of them are wrong, so the question earns nothing and the others
keep what they earned.
"""

from functools import partial

from attacks.kit import Attack, planted

channel = partial(planted, "channel")

DOORS = """
import os, stat, struct, sys, time
import numpy as np
def doors():
    for number in range(3, 1024):
        try:
            if stat.S_ISFIFO(os.fstat(number).st_mode):
                yield number
        except OSError:
            pass
def send(data):
    for number in doors():
        view = memoryview(data)
        while view:
            try:
                view = view[os.write(number, view):]
            except OSError:
                break
def frame(kind, body):
    return kind + struct.pack(">I", len(body)) + body
def blob(text, heads=b"[]", arrays=b""):
    return struct.pack(">I", len(text)) + text + struct.pack(">I", len(heads)) + heads + arrays
"""


def _sends(name: str, what: str, body: str, then: str = "os._exit(0)") -> Attack:
    """The answer, when first called, sends this and ends as if all were done."""
    lines = "\n".join("    " + line for line in body.strip("\n").splitlines())
    source = f"{DOORS}\ndef conv2d(image, kernel, stride=1):\n{lines}\n    {then}\n"
    return Attack(name, "channel", what, channel(name, what, source).build, channel(name, what, source).fair)


def _outcomes(name: str, what: str, value: str) -> Attack:
    """Twenty outcomes with this body."""
    return _sends(name, what, f"send(frame(b'O', {value}) * 20)")


ATTACKS = [
    _outcomes("verdicts", "Verdicts instead of answers.",
              """blob(b'{"dict": [["status", "right"], ["points", 4], ["fault", ""]]}')"""),
    _outcomes("right_as_fault", "Outcomes whose fault is called right.",
              """blob(b'["right", "All of it is right.", null]')"""),
    _outcomes("no_fault_no_value", "Outcomes without a fault and without a value.", """blob(b'["", "", null]')"""),
    _outcomes("nan_blob", "Arrays of NaN in the room's own format.",
              """blob(b'["", "", {"array": 0}]', b'[["<f8", [2, 2]]]', b"\\xff" * 32)"""),
    _outcomes("nan_text", "NaN and Infinity as JSON.", """blob(b'["", "", [[NaN, Infinity], [-Infinity, 1e999]]]')"""),
    _outcomes("lying_shape", "A shape of ten gigabytes over eight bytes.",
              """blob(b'["", "", {"array": 0}]', b'[["<f8", [100000, 100000]]]', b"12345678")"""),
    _outcomes("overflowing_shape", "A shape whose product is 0 in 64 bits.",
              """blob(b'["", "", {"array": 0}]', b'[["<f8", [4294967296, 4294967296]]]', b"")"""),
    _outcomes("negative_shape", "A negative shape.",
              """blob(b'["", "", {"array": 0}]', b'[["<f8", [-1]]]', b"12345678" * 4)"""),
    _outcomes("zero_shape", "An array of no numbers in a trillion rows.",
              """blob(b'["", "", {"array": 0}]', b'[["<f8", [0, 1, 0, 1]]]', b"")"""),
    _outcomes("object_type", "An array of Python objects.",
              """blob(b'["", "", {"array": 0}]', b'[["|O", [1]]]', b"12345678")"""),
    _outcomes("strange_type", "A type of number that runs code where types are evaluated.",
              """blob(b'["", "", {"array": 0}]', b'[["__import__(\\\\"os\\\\").abort()", [1]]]', b"12345678")"""),
    _outcomes("wrong_reference", "An array that is not there, or counted from the end.",
              """blob(b'["", "", {"array": -1}]', b'[["<f8", [1]]]', b"12345678")"""),
    _outcomes("booleans_for_numbers", "True for a length and for a place.",
              """blob(b'["", "", {"array": true}]', b'[["<f8", [true]]]', b"12345678")"""),
    _outcomes("pickle_in_array", "A pickle and an .npy file that holds one.",
              r"""b"\x93NUMPY\x01\x00v\x00{'descr': '|O', 'shape': (1,)}cos\n_exit\n(I0\ntR." """),
    _outcomes("deep_json", "JSON a hundred thousand brackets deep.", "blob(b'[' * 10**5 + b']' * 10**5)"),
    _outcomes("deep_tags", "Tuples in tuples in the room's own format.",
              """blob(b'["", "", ' + b'{"tuple": [' * 5000 + b']}' * 5000 + b']')"""),
    _outcomes("unknown_tag", "A tag that does not exist, and two at once.",
              """blob(b'["", "", {"object": "os.system", "array": 0}]')"""),
    _outcomes("strange_keys", "Keys that cannot be keys.",
              """blob(b'["", "", {"dict": [[{"dict": []}, 1], [[1], 2], [null, 3]]}]')"""),
    _outcomes("huge_integer", "An integer of a million digits.", "blob(b'[\"\", \"\", ' + b'9' * 10**6 + b']')"),
    _outcomes("long_detail", "An explanation of a megabyte, with a script.",
              """blob(b'["raised", "<script>MARKED</script>' + b"x" * 10**6 + b'", null]')"""),
    _outcomes("detail_no_text", "An explanation that is no text.", """blob(b'["raised", {"dict": []}, null]')"""),
    _outcomes("not_json", "Letters that are no JSON.", "blob(bytes(range(256)))"),
    _outcomes("not_ascii", "Letters that are no text.",
              """blob('["", "", "\\u202e\\ud83d"]'.encode("utf-8", "surrogatepass"))"""),
    _outcomes("lying_inner_length", "A length inside that goes beyond the message.",
              "struct.pack('>I', 2**32 - 1) + b'[]'"),
    _outcomes("empty_bodies", "Outcomes of nothing.", "b''"),
    _sends("lying_outer_length", "A message that says it is four gigabytes long.",
           "send(b'O' + struct.pack('>I', 2**32 - 1) + b'[]')"),
    _sends("garbage", "Noise into every descriptor.", """
for number in range(3, 1024):
    try:
        os.write(number, os.urandom(10_000))
    except OSError:
        pass
"""),
    _sends("nothing_sent", "Closes every descriptor and goes on.", "os.closerange(0, 1024)\ntime.sleep(0.2)"),
    _sends("closed_then_loop", "Closes every descriptor and loops.", "os.closerange(0, 1024)\nwhile True: pass"),
    _sends("endless_stream", "Writes outcomes without end.", """
while list(doors()):
    send(frame(b'O', blob(b'["", "", 0]')) * 1000)
"""),
    _sends("endless_small", "Writes the smallest messages that there are, sixty megabytes of them.",
           "send(frame(b'O', b'') * 12_000_000)"),
    _sends("costly_lists", "Lists of nine hundred thousand small things, as many as go into a reply.",
           """send(frame(b'O', blob(b'["", "", [' + b'[],' * 900_000 + b'0]]')) * 20)"""),
    _sends("costly_texts", "The same of texts.",
           """send(frame(b'O', blob(b'["", "", [' + b'"ab",' * 900_000 + b'0]]')) * 20)"""),
    _sends("slow_stream", "Writes a byte now and then, for as long as it is let.", """
while list(doors()):
    send(b'O')
    time.sleep(0.05)
"""),
    _sends("other_kinds", "Messages of all kinds that there are and are not.",
           "send(b''.join(frame(bytes([n]), blob(b'[1, 2, 3]')) for n in range(256) if n != 66))"),
    _sends("statement_forged", "Says that statements of the other answers have ended the worker.", """
for place in range(40):
    for order in range(20):
        send(frame(b'B', blob(f'[{place}, {order}, 0]'.encode())))
"""),
    _sends("statement_strange", "Says that statements which cannot be have begun.", """
for body in (b'[' + b'9' * 1000 + b', 0, 0]', b'[-1]', b'[[1]]', b'["x"]', b'{"dict": []}', b'[]', b'null', b'[1, 2]'):
    send(frame(b'B', blob(body)))
"""),
    _sends("submission_forged", "Sends a submission of its own, as the reader of files would.",
           """send(frame(b'C', blob(b'[]')) + frame(b'S', blob(b'{"dict": []}')) + frame(b'U', blob(b'"nothing"')))"""),
    _sends("walls_forged", "Sends the proof of the sandbox, and the word that the walls are up.",
           """send(b'+' + frame(b'P', blob(b'{"dict": [["uid", 0]]}')) + b'+++')"""),
    _sends("two_replies", "A wrong reply first, then the real ones.",
           "send(frame(b'O', blob(b'[\"\", \"\", 7]')) * 20)",
           then="return None"),
    _sends("reply_from_child", "A child keeps replying after the answer has ended.", """
if not os.fork():
    for _ in range(100):
        send(frame(b'O', blob(b'["", "", 7]')))
        time.sleep(0.02)
    os._exit(0)
"""),
    channel("server_forged", "Speaks to the examiner in the template's own words, through its modules and objects.", """
        import gc, io, os, sys
        def conv2d(image, kernel, stride=1):
            from course_utils.room import server
            for thing in gc.get_objects():
                if isinstance(thing, (io.BufferedWriter, io.FileIO, io.BufferedReader)):
                    try:
                        server.send(thing, {"why": "", "seconds": 0, "cpu_s": 0, "detail": ""}, b"right")
                    except Exception:
                        pass
            for number in range(3, 256):
                try:
                    with os.fdopen(number, "wb", closefd=False) as file:
                        server.send(file, {"why": "walls", "seconds": 0, "cpu_s": 0, "detail": ""}, b"")
                except Exception:
                    pass
            return None
        """),
    channel("writer_patched", "The room's own encoder and writer are bent.", """
        import os
        from course_utils import wire
        from course_utils.room import work
        wire.encode = work.encode = lambda value: wire.LENGTH.pack(2) + b"{}"
        work.frame = wire.frame = lambda kind, body: b"O" * 1000
        def conv2d(image, kernel, stride=1):
            return None
        """),
    channel("writer_replaced", "The writer in the frames above sends what it likes.", """
        import sys
        from course_utils import wire
        def conv2d(image, kernel, stride=1):
            frame = sys._getframe()
            while frame:
                write = frame.f_locals.get("write")
                if callable(write):
                    for _ in range(20):
                        write(wire.frame(b"O", wire.encode(["", "", 1])))
                frame = frame.f_back
            return None
        """),
]  # fmt: skip
