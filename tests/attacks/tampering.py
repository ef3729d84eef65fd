"""Touching what is not the student's: files, doors, other submissions, the next student. Each tells if it can."""

from functools import partial

from attacks.kit import WRONG, Attack, code, planted, probing

tampers = partial(probing, "tampering")


def _marks(name: str, what: str, leave: str, look: str, leaves: bool) -> list[Attack]:
    """Two submissions that look for a mark in several questions' workers and leave one: nobody may find another's.

    leaves: whether a mark can be left at all; then one's own must be found, for else nothing has been tried.
    """
    seek = f"""
def leave():
{_indented(leave)}
def found():
{_indented(look)}
if found():
    return "a mark of somebody else"
try:
    leave()
except OSError:
    pass
if {leaves} and not found():
    return "nothing was left"
"""
    tries = ("conv2d", "im2col")
    return [tampers(f"{name}_{n}", what, seek, open_too=False, questions=tries) for n in ("first", "second")]


def _indented(source: str) -> str:
    return "\n".join("    " + line for line in code(source).splitlines())


SHOWN = """
<script>document.title='MARKED'</script><img src=x onerror=MARKED()>"onload="MARKED" \\x1b]0;MARKED\\x07 =MARKED()
"""

ATTACKS = [
    tampers("files_overwritten", "Writes to the grader's files and folders by their exact paths.", """
        for path in GROUNDS["files"]:
            try:
                with open(path, "ab") as file:
                    file.write(b"")
                return path
            except OSError:
                pass
        for folder in GROUNDS["folders"]:
            try:
                path = os.path.join(folder, GROUNDS["token"])
                open(path, "x").close()
                os.unlink(path)
                return path
            except OSError:
                pass
        """),
    tampers("files_removed", "Renames, empties and deletes the grader's files.", """
        for path in GROUNDS["files"]:
            try:
                os.rename(path, path + ".gone")
                os.rename(path + ".gone", path)
                return path
            except OSError:
                pass
        """),
    tampers("packages_changed", "Plants code in site-packages, the course and Python itself.", """
        import sysconfig, course_utils
        folders = {*sysconfig.get_paths().values(), *course_utils.__path__, *sys.path, sys.prefix, sys.base_prefix}
        for folder in sorted(folder for folder in folders if folder and not folder.startswith("/room")):
            path = os.path.join(folder, f"{GROUNDS['token']}.pth")
            try:
                open(path, "x").close()
                os.unlink(path)
                return path
            except OSError:
                pass
        for module in list(sys.modules.values()):
            try:
                open(module.__file__, "r+").close()
                return module.__file__
            except (AttributeError, OSError, TypeError):
                pass
        """, open_too=False),
    *_marks("home_marked", "Leaves a start-up file in its home, where the next worker might run it.", """
        for name in (".bashrc", ".pythonrc", ".ipython/profile_default/startup/0.py", ".config/matplotlib/mplrc"):
            path = os.path.expanduser("~/" + GROUNDS["token"] + "/" + name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            open(path, "w").close()
        """, "return os.path.exists(os.path.expanduser('~/' + GROUNDS['token']))", leaves=True),
    *_marks("folders_marked", "Leaves files wherever it may write.", """
        for folder in ("/tmp", "/room", "/dev/shm", "/var/tmp", "/dev", "/dev/mqueue", "/run", "/", "/course", "."):
            try:
                open(os.path.join(folder, GROUNDS["token"]), "w").close()
            except OSError:
                pass
        """, """
        folders = ("/tmp", "/room", "/dev/shm", "/var/tmp", "/dev", "/dev/mqueue", "/run", "/", "/course", ".")
        return [folder for folder in folders if os.path.exists(os.path.join(folder, GROUNDS["token"]))]
        """, leaves=True),
    *_marks("shared_memory", "Leaves System V shared memory.", """
        ctypes.CDLL(None).shmget(0x5EED, 4096, 0o1666)
        """, "return ctypes.CDLL(None).shmget(0x5EED, 4096, 0) >= 0", leaves=False),
    *_marks("message_queue", "Leaves a POSIX message queue and a semaphore.", """
        libc = ctypes.CDLL(None)
        libc.syscall(240, GROUNDS["token"].encode(), os.O_CREAT | os.O_RDWR, 0o666, None)
        libc.semget(0x5EED, 1, 0o1666)
        """, """
        libc = ctypes.CDLL(None)
        return libc.syscall(240, GROUNDS["token"].encode(), os.O_RDWR, 0, None) >= 0 or libc.semget(0x5EED, 1, 0) >= 0
        """, leaves=False),
    *_marks("keyring", "Leaves a key in the user's and the session's key ring.", """
        for ring in (-4, -5):
            ctypes.CDLL(None).syscall(248, b"user", GROUNDS["token"].encode(), b"mark", 4, ring)
        """, "return ctypes.CDLL(None).syscall(249, b'user', GROUNDS['token'].encode(), None, -4) > 0", leaves=False),
    *_marks("abstract_door", "Leaves a process with a door, to be called by the next.", """
        if not os.fork():
            os.setsid()
            if os.fork():
                os._exit(0)
            door = socket.socket(socket.AF_UNIX)
            door.bind("\\0" + GROUNDS["token"])
            door.listen()
            time.sleep(20)
            os._exit(0)
        os.wait()
        time.sleep(0.05)
        """, """
        try:
            socket.socket(socket.AF_UNIX).connect("\\0" + GROUNDS["token"])
            return True
        except OSError:
            return False
        """, leaves=True),
    *_marks("modules_patched", "Patches modules, which the next worker might have as well.", """
        import builtins
        builtins.MARK = np.MARK = sys.MARK = True
        """, """
        import builtins
        return hasattr(builtins, "MARK") or hasattr(np, "MARK") or hasattr(sys, "MARK")
        """, leaves=True),
    tampers("daemon", "Leaves a process behind, in a session of its own, deaf to signals.", """
        if not os.fork():
            os.setsid()
            if os.fork():
                os._exit(0)
            for number in range(1, 32):
                try:
                    signal.signal(number, signal.SIG_IGN)
                except (OSError, ValueError):
                    pass
            os.execv("/bin/sh", ["sh", "-c", f"trap '' HUP TERM INT; sleep 60; : {GROUNDS['token']}"])
        os.wait()
        """, open_too=False),
    tampers("daemon_thread", "Leaves threads, an exit handler, a timer and a trace behind.", """
        import atexit, gc
        atexit.register(lambda: time.sleep(60))
        threading.Thread(target=time.sleep, args=(60,)).start()
        signal.signal(signal.SIGALRM, lambda *args: None)
        signal.setitimer(signal.ITIMER_REAL, 0.01, 0.01)
        gc.callbacks.append(lambda *args: None)
        """, open_too=False),
    tampers("network", "Calls a door of the grader's machine by TCP and UDP, by address and by name.", """
        for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET, "localhost"), (socket.AF_INET6, "::1")):
            try:
                with socket.socket(family) as caller:
                    caller.settimeout(0.5)
                    caller.connect((host, GROUNDS["port"]))
                    return host
            except OSError:
                pass
        """),
    tampers("network_beyond", "Looks for a way out: interfaces, routes, names, other kinds of sockets.", """
        if [name for _, name in socket.if_nameindex() if name != "lo"]:
            return "an interface"
        try:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as caller:
                caller.connect(("192.0.2.1", 9))
                return "a route"
        except OSError:
            pass
        """, open_too=False),
    tampers("network_vsock",
            "Makes a socket to the host of a virtual machine, which no network namespace holds back.", """
        socket.socket(40, socket.SOCK_STREAM).close()
        return "a socket of the family AF_VSOCK"
        """, open_too=False),
    tampers("network_raw", "Makes raw and packet sockets.", """
        for family, kind in ((socket.AF_INET, socket.SOCK_RAW), (socket.AF_PACKET, socket.SOCK_RAW)):
            try:
                socket.socket(family, kind, 1).close()
                return str(family)
            except OSError:
                pass
        """, open_too=False),
    tampers("socket_file", "Calls a door of the grader by its path.", """
        socket.socket(socket.AF_UNIX).connect(GROUNDS["socket"])
        return "connected"
        """),
    tampers("socket_abstract", "Calls a door of the grader by its abstract name.", """
        socket.socket(socket.AF_UNIX).connect("\\0" + GROUNDS["abstract"])
        return "connected"
        """),
    tampers("signals", "Stops and ends the grader, and every process that it can see.", """
        for pid in GROUNDS["pids"]:
            try:
                os.kill(pid, 0)
                return pid
            except OSError:
                pass
        """),
    planted("tampering", "signals_all", "Ends every process in sight, but only in a namespace of its own.", """
        import os, signal
        def conv2d(image, kernel, stride=1):
            if len([pid for pid in os.listdir("/proc") if pid.isdigit()]) > 8:
                raise RuntimeError("not alone")  # the sandbox does not hold, and this is somebody's machine
            os.kill(-1, signal.SIGKILL)
            os.kill(1, signal.SIGKILL)
            os.kill(os.getpid(), signal.SIGKILL)
        """),
    tampers("priorities", "Changes the grader's priority and limits.", """
        import resource
        for pid in GROUNDS["pids"]:
            for change in (lambda: os.setpriority(os.PRIO_PROCESS, pid, os.getpriority(os.PRIO_PROCESS, pid)),
                           lambda: resource.prlimit(pid, resource.RLIMIT_CORE)):
                try:
                    change()
                    return pid
                except OSError:
                    pass
        """),
    planted("tampering", "script_in_prints", "Prints and displays scripts, control sequences and formulas.", f"""
        from IPython.display import HTML, display
        import sys, warnings
        SHOWN = {SHOWN!r}
        print(SHOWN)
        print(SHOWN, file=sys.stderr)
        warnings.warn(SHOWN)
        display(HTML(SHOWN))
        #RIGHT
        """, points=4),
    planted("tampering", "script_in_error", "Raises an error whose kind and text are a script.", f"""
        def conv2d(image, kernel, stride=1):
            raise type({SHOWN!r}, (Exception,), {{}})({SHOWN!r})
        """),
    planted("tampering", "script_in_answer", "Answers with scripts.", f"""
        kernel_names = dict.fromkeys("ABCDEFG", {SHOWN!r})
        """, "kernel_names"),
    planted("tampering", "script_in_keys", "Answers with scripts for names.", f"""
        flip_matters = {{{SHOWN!r}: True}}
        """, "flip_matters"),
    planted("tampering", "script_in_signature", "Names arguments and the type of its answer in ways that show.", f"""
        def conv2d(MARKED=1, **MARKED_too):
            return type({SHOWN!r}, (), {{}})()
        """),
    planted("tampering", "lines_in_error", "Raises an error of ten megabytes.", f"""
        def conv2d(image, kernel, stride=1):
            raise ValueError({SHOWN!r} * 10**5)
        """),
    planted("tampering", "answer_of_next_cell", "Deletes the other answers once it is run.", f"""
        {WRONG.strip().replace(chr(10), chr(10) + "        ")}
        for name in ("conv_layer", "im2col", "count_parameters", "kernel_names", "flip_matters"):
            globals().pop(name, None)
            get_ipython().user_ns.pop(name, None)
        """),
]  # fmt: skip
