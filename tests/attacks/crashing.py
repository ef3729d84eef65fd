"""Stopping the batch: loops, stops, exits, segmentation faults, processes, memory, disk, floods of output, stdin.

Bombs are bounded, in case that nothing else bounds them.
"""

from functools import partial

from attacks.kit import Attack, planted

crashing = partial(planted, "crashing")


def _call(name: str, what: str, body: str) -> Attack:
    """The answer does this when it is called, and comes back with nothing useful."""
    lines = "\n".join("            " + line for line in body.strip("\n").splitlines())
    return crashing(name, what, f"""
        import array, ctypes, itertools, mmap, os, signal, subprocess, sys, threading, time
        def conv2d(image, kernel, stride=1):
{lines}
        """)  # fmt: skip


def _top(name: str, what: str, body: str) -> Attack:
    """A right answer, and below it in the same cell something that ends the worker."""
    lines = "\n".join("        " + line for line in body.strip("\n").splitlines())
    return crashing(name, what, f"""
        import ctypes, os, signal, sys, time
        #RIGHT
{lines}
        """, points=4)  # fmt: skip


ATTACKS = [
    _call("loop", "Loops, and swallows every interrupt.", """
while True:
    try:
        while True:
            pass
    except BaseException:
        pass
"""),
    _call("loop_deaf", "Loops, deaf to all signals.", """
for number in range(1, 65):
    try:
        signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError):
        pass
signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))
while True:
    pass
"""),
    _call("sleep", "Sleeps for an hour.", "time.sleep(3600)"),
    _call("stop_self", "Stops itself, and its parent.", """
os.kill(os.getpid(), signal.SIGSTOP)
os.kill(os.getppid() or os.getpid(), signal.SIGSTOP)
"""),
    _call("stop_all", "A child stops every process in sight, time and again.", """
if len([pid for pid in os.listdir("/proc") if pid.isdigit()]) > 8:
    raise RuntimeError("not alone")
if not os.fork():
    for _ in range(100):
        os.kill(-1, signal.SIGSTOP)
        time.sleep(0.01)
    os._exit(0)
time.sleep(0.5)
"""),
    _call("exit_zero", "Ends with code 0.", "sys.exit(0)"),
    _call("abort", "Aborts.", "os.abort()"),
    _call("kill_self", "Kills itself.", "os.kill(os.getpid(), signal.SIGKILL)"),
    _call("segmentation_fault", "Writes to address 0.", "ctypes.memset(0, 1, 1)"),
    _call("bad_object", "Makes Python look at an object that is none.", "ctypes.cast(8, ctypes.py_object).value.x"),
    _call("stack_overflow", "Overflows the stack without a limit to recursion.", """
sys.setrecursionlimit(10**9)
def down():
    return [down() for _ in range(1)]
down()
"""),
    _call("recursion", "Calls itself.", "return conv2d(image, kernel, stride)"),
    _call("c_stack_overflow", "Overflows the stack of a thread in C.", """
import functools
threading.stack_size(32 * 1024)
deep = functools.reduce(lambda inner, _: functools.partial(inner), range(10**5), int)
thread = threading.Thread(target=lambda: deep())
thread.start()
thread.join()
"""),
    _call("own_code_rewritten", "Overwrites small integers and type objects in memory.", """
ctypes.memset(id(0) + 24, 7, 4)
ctypes.memset(id(True) + 24, 0, 4)
"""),
    _call("interrupt", "Raises KeyboardInterrupt.", "raise KeyboardInterrupt"),
    _call("base_exception", "Raises an exception that is no Exception.", "raise type('Odd', (BaseException,), {})()"),
    _call("fork_bomb", "Forks, and every child does.", """
for _ in range(11):
    try:
        os.fork()
    except OSError:
        pass
time.sleep(1)
"""),
    _call("fork_orphans", "Forks processes that leave their parents and burn time.", """
for _ in range(200):
    try:
        if not os.fork():
            os.setsid()
            if os.fork():
                os._exit(0)
            end = time.monotonic() + 2
            while time.monotonic() < end:
                pass
            os._exit(0)
    except OSError:
        pass
time.sleep(3)
"""),
    _call("threads", "Starts threads without end.", """
for _ in range(2000):
    threading.Thread(target=time.sleep, args=(5,), daemon=True).start()
time.sleep(1)
raise RuntimeError
"""),
    _call("memory_numpy", "Fills three gigabytes with ones.", "np.ones(3 * 2**27)"),
    _call("memory_lists", "Doubles a list.", """
held = [0.5]
while len(held) < 3 * 2**27:
    held = held + held
"""),
    _call("memory_shared", "Shared memory and private maps, which some limits do not count.", """
held = []
for _ in range(48):
    held.append(mmap.mmap(-1, 2**26))
    held[-1].write(b"x" * 2**26)
"""),
    _call("memory_by_children", "Six children that hold half a gigabyte each, hidden from inspection.", """
for _ in range(6):
    if not os.fork():
        ctypes.CDLL(None).prctl(4, 0, 0, 0, 0)
        held = bytearray(os.urandom(2**20)) * 512
        time.sleep(2)
        os._exit(0)
time.sleep(2)
"""),
    _call("memory_in_files", "Fills every folder that lies in memory.", """
held = os.urandom(2**20)
for folder in ("/dev/shm", "/tmp", "/run", ".", "/var/tmp"):
    try:
        with open(f"{folder}/fill", "wb") as file:
            for _ in range(1000):
                file.write(held)
                file.flush()
    except OSError:
        pass
raise RuntimeError
"""),
    _call("memory_of_the_kernel", "Fills pipes and sockets that nobody reads.", """
held = []
while len(held) < 2000:
    inlet, outlet = os.pipe()
    os.set_blocking(outlet, False)
    held.append((inlet, outlet))
    os.write(outlet, b"x" * 65536)
"""),
    _call("files_without_end", "Makes small files without end.", """
for number in range(100_000):
    open(f"file-{number}", "w").close()
raise RuntimeError
"""),
    _call("file_with_a_hole", "Makes a file of a terabyte that takes no room.", """
with open("hole", "wb") as file:
    file.truncate(2**40)
raise RuntimeError
"""),
    _call("folders_deep", "Makes folders in folders, which are hard to remove.", """
for _ in range(3000):
    os.mkdir("d")
    os.chdir("d")
raise RuntimeError
"""),
    _call("descriptors", "Opens files until there are no more.", "held = [open('/dev/null') for _ in range(100_000)]"),
    _call("flood_of_output", "Writes to standard output and error without end, past Python.", """
while True:
    os.write(1, b"x" * 65536)
    os.write(2, b"y" * 65536)
"""),
    _call("flood_of_prints", "Prints two hundred megabytes for every case.", """
for _ in range(200):
    print("x" * 2**20)
    sys.stderr.write("y" * 2**20)
    sys.__stdout__.write("z" * 2**20)
raise RuntimeError
"""),
    _call("reads_stdin", "Waits for a word from the keyboard.", "sys.stdin.read(); os.read(0, 1); raise RuntimeError"),
    _call("regular_expression", "A regular expression that takes forever and hears no signal.", """
import re
re.match(r"(a+)+$", "a" * 60 + "b")
"""),
    _call("big_power", "A power that cannot be worked out, and hears no signal.", "return 9 ** 9 ** 9"),
    _call("tracing", "A trace that starts the function anew on every line.", """
sys.settrace(lambda *args: sys.settrace(None) or conv2d(image, kernel, stride))
len(image)
raise RuntimeError
"""),
    _call("alarm", "Signals that interrupt whatever runs a thousand times a second.", """
def interrupt(*args):
    raise MemoryError
signal.signal(signal.SIGALRM, interrupt)
signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
time.sleep(1)
"""),
    _call("collector", "An error from within the garbage collector.", """
import gc
gc.callbacks.append(lambda *args: os._exit(3))
gc.collect()
"""),
    _top("exit_after", "Ends the process below a right answer.", "os._exit(0)"),
    _top("kill_after", "Kills the process below a right answer.", "os.kill(os.getpid(), signal.SIGKILL)"),
    _top("segmentation_fault_after", "A segmentation fault below a right answer.", "ctypes.string_at(0)"),
    _top("loop_after", "Loops below a right answer.", "while True:\n    pass"),
    _top("three_exits_after", "Three ends below a right answer.", "os._exit(0)\nos._exit(1)\nos.abort()"),
    crashing("deep_source", "A hundred thousand brackets in the answer's cell.",
             "conv2d = " + "(" * 10**5 + ")" * 10**5),
    crashing("null_bytes", "Null bytes in the answer's cell.", "def conv2d(image, kernel, stride=1):\n    return '\0'"),
]  # fmt: skip
