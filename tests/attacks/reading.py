"""Reading what is not the student's: each looks for a secret, and its right answer goes wrong when it finds one.

The exact places are known to the attacker (`GROUNDS`), so that none is missed for want of looking in the right folder.
"""

from functools import partial

from attacks.kit import probing

secret = partial(probing, "secrets")

WALK = """
import itertools
def search(folders, most=3000):
    for folder in folders:
        walk = itertools.chain.from_iterable(
            [os.path.join(where, name) for name in names] for where, _, names in os.walk(folder))
        for path in itertools.islice(walk, most):
            try:
                with open(path, "rb") as file:
                    if found := SECRET.search(file.read(100_000)):
                        return found[0]
            except OSError:
                pass
"""

ATTACKS = [
    secret("files_known", "Opens the grader's files by their exact paths.", """
        for path in GROUNDS["files"]:
            try:
                with open(path, "rb") as file:
                    return SECRET.search(file.read())[0]
            except OSError:
                pass
        """),
    secret("files_low_level", "The same past Python's open: O_PATH, openat, readlink, a path with dots.", """
        for path in GROUNDS["files"]:
            for trick in (path, "/proc/self/root" + path, "/proc/self/cwd/../../../../../.." + path, "//" + path):
                try:
                    handle = os.open(trick, os.O_PATH)
                    return SECRET.search(open(f"/proc/self/fd/{handle}", "rb").read())[0]
                except OSError:
                    pass
        """),
    secret("files_by_link", "Links to the grader's files, read through the links.", """
        for number, path in enumerate(GROUNDS["files"]):
            for link in (os.symlink, os.link):
                name = f"/tmp/{GROUNDS['token']}-{link.__name__}-{number}"
                try:
                    link(path, name)
                    with open(name, "rb") as file:
                        found = SECRET.search(file.read())
                    if found:
                        return found[0]
                except OSError:
                    pass
                finally:
                    if os.path.lexists(name):
                        os.unlink(name)
        """),
    secret("files_by_program", "Has cat, find and grep read them.", """
        for command in (["cat", *GROUNDS["files"]], ["grep", "-rhs", "CANARY", *GROUNDS["folders"]]):
            out = subprocess.run(command, capture_output=True, timeout=2).stdout
            if found := SECRET.search(out):
                return found[0]
        """),
    secret("folders_listed", "Lists the grader's folders: names alone would tell who else takes the course.", """
        for folder in GROUNDS["folders"]:
            try:
                return os.listdir(folder)
            except OSError:
                pass
        """),
    secret("folders_searched", "Searches home, work and temporary folders.", f"""
        {WALK.strip().replace(chr(10), chr(10) + "        ")}
        places = ["/root", "/home", "/tmp", "/room", "/var", "/srv", "/mnt", "/run", os.getcwd()]
        return search([*places, *GROUNDS["folders"]], 500)
        """),
    secret("home_expanded", "Follows HOME and ~ to histories, settings and keys.", f"""
        {WALK.strip().replace(chr(10), chr(10) + "        ")}
        return search({{os.path.expanduser("~"), os.environ.get("HOME", "/root"), *GROUNDS["folders"]}}, 500)
        """),
    secret("history", "Asks IPython for the history of other sessions, and reads the shell's.", """
        places = [os.path.expanduser("~/" + name) for name in (".bash_history", ".python_history")]
        places += [folder + "/.bash_history" for folder in GROUNDS["folders"]]
        for path in places:
            if os.path.exists(path):
                return SECRET.search(open(path, "rb").read())[0]
        """),
    secret("environment", "Reads the environment it was started with.", """
        text = repr((os.environ, os.environb)).encode() + open("/proc/self/environ", "rb").read()
        found = SECRET.search(text)
        return found and found[0] or os.environ.get(GROUNDS["variable"])
        """),
    secret("environment_of_others", "Reads the environment of the grader and its parent from /proc.", """
        for pid in (*GROUNDS["pids"], os.getppid(), "self"):
            try:
                with open(f"/proc/{pid}/environ", "rb") as file:
                    if found := SECRET.search(file.read()):
                        return found[0]
            except OSError:
                pass
        """),
    secret("environment_in_c", "Reads the environment from C and from below the stack.", """
        libc = ctypes.CDLL(None)
        libc.getenv.restype = ctypes.c_char_p
        return libc.getenv(GROUNDS["variable"].encode())
        """),
    secret("environment_of_programs", "Has a program print its environment.", """
        found = SECRET.search(subprocess.run(["/usr/bin/env"], capture_output=True, timeout=2).stdout)
        return found and found[0]
        """),
    secret("processes_listed", "Looks for the grader among the processes that it can see.", """
        for pid in GROUNDS["pids"]:
            if os.path.exists(f"/proc/{pid}/cmdline"):
                return open(f"/proc/{pid}/cmdline", "rb").read()
        """),
    secret("descriptors_of_others", "Opens the grader's files through its open descriptors.", """
        for pid in (*GROUNDS["pids"], os.getppid()):
            for path in glob.glob(f"/proc/{pid}/fd/*") + glob.glob(f"/proc/{pid}/cwd/*"):
                try:
                    if os.path.isfile(path) and (found := SECRET.search(open(path, "rb").read(100_000))):
                        return found[0]
                except OSError:
                    pass
        """),
    secret("own_descriptors", "Reads every descriptor that was left open.", """
        for number in range(256):
            try:
                path = os.readlink(f"/proc/self/fd/{number}")
                if path.startswith("/") and not path.startswith(("/proc", "/dev", "/usr", "/room/work")):
                    if found := SECRET.search(os.pread(number, 100_000, 0)):
                        return found[0]
            except OSError:
                pass
        """, open_too=False),
    secret("memory_of_others", "Reads the grader's memory through /proc/*/mem.", """
        for pid in (*GROUNDS["pids"], os.getppid()):
            try:
                with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", 0) as memory:
                    first = next(int(line.split("-")[0], 16) for line in maps)
                    memory.seek(first)
                    return memory.read(16)
            except (OSError, ValueError, StopIteration):
                pass
        """, open_too=False),
    secret("process_vm_readv", "Reads the grader's memory by process_vm_readv.", """
        libc = ctypes.CDLL(None, use_errno=True)
        for pid in GROUNDS["pids"]:
            here = (ctypes.c_uint64 * 2)(ctypes.addressof(ctypes.create_string_buffer(8)), 8)
            if libc.process_vm_readv(pid, here, 1, (ctypes.c_uint64 * 2)(4096, 8), 1, 0) >= 0:
                return "read"
            if ctypes.get_errno() == 14:  # EFAULT: it is allowed, and only nothing lies at that address
                return "allowed"
        """, open_too=False),
    secret("ptrace", "Attaches to the grader as a debugger does.", """
        libc = ctypes.CDLL(None)
        for pid in GROUNDS["pids"]:
            if libc.ptrace(0x4206, pid, 0, 0) == 0:  # PTRACE_SEIZE
                libc.ptrace(17, pid, 0, 0)
                return "attached"
        """, open_too=False),
    secret("own_memory", "Searches its own memory for what the grader left in it before the fork.", """
        with open("/proc/self/maps") as maps, open("/proc/self/mem", "rb", 0) as memory:
            for line in maps:
                span, rights, *_ = line.split()
                first, last = (int(end, 16) for end in span.split("-"))
                try:
                    for at in range(first, last, 2**20) if rights.startswith("rw") else ():
                        memory.seek(at)
                        if found := SECRET.search(memory.read(min(2**20, last - at))):
                            return found[0]
                except OSError:
                    pass
        """, open_too=False),
    secret("frames", "Walks up the stack of every thread and through all their variables.", """
        for frame in sys._current_frames().values():
            while frame:
                for value in [*frame.f_locals.values(), *frame.f_globals.values()]:
                    try:
                        text = repr(value)[:100_000]
                    except BaseException:
                        continue
                    if found := SECRET.search(text.encode("utf-8", "replace")):
                        return found[0]
                frame = frame.f_back
        """, open_too=False),
    secret("objects_searched", "Goes through all objects of the process for settings, seeds and results.", """
        import gc
        for thing in gc.get_objects():
            if type(thing).__name__ in ("Settings", "Examiner", "Desk", "Key", "Result", "Server"):
                return repr(thing)
        """, open_too=False),
    secret("command_line", "Reads the command lines for paths and settings of the batch.", """
        for path in glob.glob("/proc/[0-9]*/cmdline"):
            words = open(path, "rb").read().split(b"\\0")
            if any(folder.encode() in word for folder in GROUNDS["folders"] for word in words):
                return words
        """, open_too=False),
    secret("mounts", "Reads the table of mounts for the grader's folders.", """
        text = open("/proc/self/mountinfo").read()
        return next((folder for folder in GROUNDS["folders"][:2] if folder in text), None)
        """, open_too=False),
    secret("kernel_log", "Reads the kernel's log and the list of its keys.", """
        for path in ("/dev/kmsg", "/proc/kmsg", "/proc/keys", "/proc/kcore", "/dev/mem"):
            try:
                with open(path, "rb", 0) as file:
                    os.set_blocking(file.fileno(), False)
                    if text := file.read(100):
                        return text
            except OSError:
                pass
        """, open_too=False),
    secret("accounts", "Reads the machine's accounts and its name.", """
        for path in ("/etc/shadow", "/etc/passwd", "/etc/hostname", "/etc/machine-id", "/root/.ssh", "/var/log"):
            if os.path.exists(path):
                return path
        """),
    secret("course_folder", "Looks for the repository: solutions, tests, other days' questions.", """
        import course_utils, importlib.util
        for name in ("course_utils.grading", "course_utils.bundle"):
            if importlib.util.find_spec(name):
                return name
        for path in (*sys.path, *course_utils.__path__):
            for found in ("solutions", "../solutions", "tests", "../tests", ".git", "../.git"):
                if os.path.isdir(os.path.join(path, found, "")) and "site-packages" not in path + found:
                    if glob.glob(os.path.join(path, found, "day_*")) or found.endswith(".git"):
                        return os.path.join(path, found)
        """),
]  # fmt: skip
