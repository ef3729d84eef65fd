"""Leaving the sandbox through the kernel: namespaces, mounts, capabilities, devices, privileged programs.

Each says so if a door is open, and does nothing with it.
"""

from functools import partial

from attacks.kit import Attack, code, probing

escapes = partial(probing, "tampering", open_too=False)


def _writes(name: str, what: str, *paths: str) -> Attack:
    """Opens files of the kernel for writing, and writes nothing."""
    return escapes(name, what, f"""
        for path in {paths!r}:
            try:
                os.close(os.open(path, os.O_WRONLY))
                return path
            except OSError:
                pass
        """)  # fmt: skip


def _calls(name: str, what: str, calls: str) -> Attack:
    """System calls, each tried in a child, none of which may come back with success."""
    return escapes(
        name,
        what,
        f"""
libc = ctypes.CDLL(None, use_errno=True)
tried = lambda function, *arguments: function(*arguments) >= 0
{code(calls)}
for name, call in CALLS.items():
    child = os.fork()
    if not child:
        try:
            os._exit(0 if call() else 1)
        finally:
            os._exit(1)
    if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0:
        return name
""",
    )


ATTACKS = [
    _calls("namespaces", "Enters new namespaces, where it would be root.", """
        CALLS = {f"unshare {flag:x}": (lambda flag=flag: tried(libc.unshare, flag))
                 for flag in (0x10000000, 0x20000, 0x20000000, 0x40000000, 0x4000000, 0x8000000, 0x2000000, 0x80)}
        """),
    _calls("namespaces_of_others", "Joins the namespaces of others.", """
        def join(path):
            return tried(libc.setns, os.open(path, os.O_RDONLY), 0)
        CALLS = {path: (lambda path=path: join(path)) for path in
                 [f"/proc/{pid}/ns/{kind}" for pid in (1, os.getppid(), *GROUNDS["pids"])
                  for kind in ("pid", "mnt", "net", "user", "ipc")]}
        """),
    _calls("mounts_changed", "Mounts, unmounts, moves and changes roots.", """
        here = b"/room/work"
        CALLS = {
            "bind": lambda: tried(libc.mount, b"/", here, None, 4096, None),
            "proc": lambda: tried(libc.mount, b"proc", here, b"proc", 0, None),
            "tmpfs": lambda: tried(libc.mount, b"tmpfs", here, b"tmpfs", 0, None),
            "writable": lambda: tried(libc.mount, None, b"/", None, 32 | 4096, None),
            "unmount": lambda: tried(libc.umount2, b"/tmp", 2),
            "unmount proc": lambda: tried(libc.umount2, b"/proc", 2),
            "chroot": lambda: tried(libc.chroot, here),
            "pivot": lambda: tried(libc.syscall, 155, here, here),
        }
        """),
    _calls("becoming_root", "Changes its user, and the limits that it was given.", """
        import resource
        def raised():
            resource.setrlimit(resource.RLIMIT_CPU, (10**6, 10**6))
            return True
        CALLS = {
            "setuid": lambda: os.getuid() != 0 and tried(libc.setuid, 0),
            "setresuid": lambda: os.getuid() != 0 and tried(libc.setresuid, 0, 0, 0),
            "setgroups": lambda: tried(libc.setgroups, 1, (ctypes.c_int * 1)(0)),
            "being root": lambda: os.getuid() == 0,
            "limits": raised,
            "nice": lambda: os.nice(-5) < 0,
            "hostname": lambda: tried(libc.sethostname, b"mine", 4),
        }
        """),
    _calls("devices", "Makes device files and opens those that lead to disks and memory.", """
        def device(major, minor):
            path = f"/room/work/{major}-{minor}"
            os.mknod(path, 0o20666, os.makedev(major, minor))
            open(path, "rb").close()
            return True
        CALLS = {"mem": lambda: device(1, 1), "kmsg": lambda: device(1, 11), "disk": lambda: device(254, 0)}
        CALLS |= {path: (lambda path=path: bool(open(path, "rb")))
                  for path in ("/dev/mem", "/dev/kmsg", "/dev/sda", "/dev/vda", "/dev/kvm", "/dev/fuse", "/dev/loop0")}
        """),
    _calls("kernel_playgrounds", "Asks for BPF, io_uring, performance counters, user faults, modules.", """
        number = {"bpf": 321, "perf": 298, "userfaultfd": 323, "io_uring": 425, "kexec": 246}
        space = ctypes.create_string_buffer(256)
        CALLS = {name: (lambda n=n: tried(libc.syscall, n, 0, space, 0, 0, 0)) for name, n in number.items()
                 if os.uname().machine == "x86_64"}
        CALLS["io_uring"] = lambda: tried(libc.syscall, 425, 1, space)
        """),
    _calls("file_handles", "Opens files by their handle, past all folders.", """
        def open_root():
            handle = (ctypes.c_ubyte * 136)(128)
            mount = ctypes.c_int()
            if libc.name_to_handle_at(-100, b"/", handle, ctypes.byref(mount), 0):
                return False
            return tried(libc.open_by_handle_at, os.open("/", os.O_RDONLY), handle, 0)
        CALLS = {"open_by_handle_at": open_root}
        """),
    _calls("old_calls", "Makes forbidden calls by their numbers of other architectures.", """
        def thirty_two_bit():
            if os.uname().machine != "x86_64":
                return False
            page = mmap.mmap(-1, 4096, prot=7)
            page.write(bytes.fromhex("b814000000cd80c3"))  # mov eax, 20 (getpid); int 0x80; ret
            call = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(page)))
            return call() == os.getpid()
        CALLS = {
            "x32": lambda: os.uname().machine == "x86_64" and tried(libc.syscall, 0x40000000 + 39),
            "int 0x80": thirty_two_bit,
        }
        """),
    _writes("kernel_settings", "Changes the kernel's settings.", "/proc/sys/kernel/core_pattern",
            "/proc/sys/kernel/hostname", "/proc/sys/fs/file-max", "/proc/sysrq-trigger", "/proc/sys/kernel/modprobe",
            "/proc/sys/vm/drop_caches", "/sys/kernel/uevent_helper", "/proc/1/oom_score_adj_of_others"),
    escapes("control_groups", "Sets a program that the kernel would run outside.", """
        for folder, _, names in os.walk("/sys"):
            for name in names:
                if os.access(os.path.join(folder, name), os.W_OK):
                    return name
        """),
    escapes("privileged_programs", "Runs programs that become root.", """
        for program in ("su", "sudo", "mount", "pkexec", "newgrp", "passwd"):
            for path in (f"/usr/bin/{program}", f"/bin/{program}"):
                if os.path.exists(path):
                    subprocess.run(["/bin/sh", "-c", f"exec {path} --help; true"], capture_output=True, timeout=2)
        status = dict(line.split(":\\t", 1) for line in open("/proc/self/status") if ":\\t" in line)
        if int(status["NoNewPrivs"]) != 1:
            return "new privileges may be gained"
        if any(int(status[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")):
            return "capabilities are left"
        """),
    escapes("terminal", "Types into the grader's terminal.", """
        import fcntl, termios
        for path in ("/dev/tty", "/dev/console", "/dev/pts/0", "/proc/self/fd/0", "/proc/self/fd/2"):
            try:
                handle = os.open(path, os.O_RDWR | os.O_NOCTTY)
                fcntl.ioctl(handle, termios.TIOCSTI, b"#")
                return path
            except OSError:
                pass
        """),
    escapes("executable_memory", "Runs a program that it has written itself, outside of any package.", """
        path = "/room/work/program"
        with open(path, "w") as file:
            file.write("#!/bin/sh\\nid -u; cat /proc/1/environ /proc/self/mountinfo")
        os.chmod(path, 0o6777)
        out = subprocess.run([path], capture_output=True, timeout=2).stdout
        if out.startswith(b"0\\n"):
            return "root"
        found = SECRET.search(out)
        return found and found[0]
        """),
    escapes("inherited_descriptors", "Looks among open descriptors for doors to the template or the grader.", """
        for number in range(3, 1024):
            try:
                kind = os.readlink(f"/proc/self/fd/{number}")
            except OSError:
                continue
            if kind.startswith("socket:"):
                return kind
            if kind.startswith("pipe:"):
                import fcntl
                if fcntl.fcntl(number, fcntl.F_GETFL) & 3 != os.O_WRONLY:
                    return f"{kind} can be read"
        """),
]  # fmt: skip
