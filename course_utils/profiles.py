"""How much a notebook may spend: the profiles `smoke`, `cpu` and `gpu`, the devices, the seed.

Amounts differ by profile, code does not: ``epochs = profile.pick(smoke=1, cpu=6, gpu=40)``.
"""

import contextlib
import ctypes
import importlib.metadata
import os
import platform
import random
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from course_utils.errors import CourseError

NAMES = ("smoke", "cpu", "gpu")
ASKED = "as asked"
VERSIONED = ("numpy", "keras", "tensorflow", "torch", "scikit-learn", "datasets")
T = TypeVar("T")


@dataclass(frozen=True)
class Profile:
    """One of `smoke`, `cpu`, `gpu`, and why it was chosen."""

    name: str
    reason: str

    def pick(self, **amounts: T) -> T:
        """The amount for this profile, from one amount for each: ``pick(smoke=1, cpu=6, gpu=40)``."""
        if set(amounts) != set(NAMES):
            raise ValueError(f"pick() needs an amount for each of {', '.join(NAMES)}; it got {', '.join(amounts)}")
        return amounts[self.name]

    def __str__(self) -> str:
        return f"Profile {self.name}: {self.reason}."


def choose(name: str = "auto") -> Profile:
    """Resolve a profile's name without importing a framework.

    `auto`: what `COURSE_PROFILE` says, else gpu where the driver shows a GPU, else cpu. Raises CourseError for an
    unknown name, and for `gpu` where there is none.
    """
    if name == "auto":
        name = os.environ.get("COURSE_PROFILE") or "auto"
    if name not in (*NAMES, "auto"):
        raise CourseError(f"There is no profile {name!r}: choose one of auto, {', '.join(NAMES)}.")
    gpus = visible_gpus()
    if name == "auto":
        return Profile("gpu", f"{gpus} GPU visible") if gpus else Profile("cpu", "no GPU is visible")
    if name == "gpu" and not gpus:
        raise CourseError(
            "The gpu profile was asked for, but no GPU is visible: check the driver and CUDA_VISIBLE_DEVICES, "
            "or choose the profile cpu."
        )
    return Profile(name, ASKED)


def is_smoke(profile: Profile | str | None) -> bool:
    """Whether the smoke profile is meant: by a profile, by its name, or with None by what `COURSE_PROFILE` says."""
    name = profile.name if isinstance(profile, Profile) else profile or os.environ.get("COURSE_PROFILE")
    return name == "smoke"


def start(name: str = "auto", seed: int = 0, frameworks: Iterable[str] = ()) -> Profile:
    """Choose the profile, seed everything, and print which profile, why, and on what device each framework runs.

    frameworks: those the notebook uses (`keras`, `torch`); they are imported here, so that they are seeded. In the gpu
    profile each must see the GPU: where one does not, `auto` falls back to cpu and says so, and a gpu profile that was
    asked for raises CourseError, since nobody should train for hours beside a GPU that idles.
    """
    profile = choose(name)
    devices = {framework: framework_device(framework) for framework in frameworks}
    idle = [framework for framework, device in devices.items() if not device.startswith("GPU")]
    if profile.name == "gpu" and idle:
        blind = f"it is not seen by {' and '.join(idle)} (Keras can compute with PyTorch: KERAS_BACKEND=torch)"
        if profile.reason == ASKED:
            raise CourseError(f"The gpu profile was asked for, but {blind}; mend that, or choose the profile cpu.")
        profile = Profile("cpu", f"a GPU is visible, but {blind}")
    seed_everything(seed)
    used = "; ".join(f"{framework} on {device}" for framework, device in devices.items())
    print(f"{profile}{' ' + used + '.' if used else ''} Seed {seed}.")
    return profile


def seed_everything(seed: int) -> None:
    """Seed Python, NumPy and each framework that is already imported.

    Same seed, same machine, same versions: same numbers on a CPU. On a GPU some kernels add in a varying order, and
    the last digits may differ.
    """
    import numpy as np

    random.seed(seed)
    np.random.seed(seed)
    if torch := sys.modules.get("torch"):
        torch.manual_seed(seed)
    if keras := sys.modules.get("keras"):
        keras.utils.set_random_seed(seed)


def visible_gpus() -> int:
    """Number of NVIDIA GPUs that the driver shows to this process (CUDA_VISIBLE_DEVICES respected), or 0."""
    driver, count = _driver(), ctypes.c_int(0)
    if driver is None or driver.cuDeviceGetCount(ctypes.byref(count)) != 0:
        return 0
    return count.value


def framework_device(framework: str) -> str:
    """Where `framework` (`keras`, `torch`, `tensorflow`, `jax`) computes: "GPU …" or "CPU". Imports it."""
    if framework == "keras":
        with _quietly():
            import keras

        return framework_device(keras.backend.backend())
    if framework == "torch":
        import torch

        return f"GPU {torch.cuda.get_device_name(0)}" if torch.cuda.is_available() else "CPU"
    if framework == "tensorflow":
        with _quietly():
            import tensorflow as tf

        found = tf.config.list_physical_devices("GPU")
        if not found:
            return "CPU"
        return f"GPU {tf.config.experimental.get_device_details(found[0]).get('device_name', '')}".rstrip()
    if framework == "jax":
        import jax

        device = jax.devices()[0]
        return f"GPU {device.device_kind}" if device.platform == "gpu" else "CPU"
    raise CourseError(f"There is no framework {framework!r} in this course: keras, torch, tensorflow or jax.")


@contextlib.contextmanager
def _quietly() -> Iterator[None]:
    """Keep off the notebook what TensorFlow's C++ code writes to file descriptor 2 before its log level counts.

    Python's own errors and warnings are raised or shown as ever.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    try:
        kept = os.dup(2)
    except OSError:  # no standard error at all: nothing to keep quiet
        yield
        return
    try:
        with open(os.devnull, "w") as nowhere:  # noqa: PTH123 - os.devnull is a name, not a path
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def cores() -> int:
    """Number of processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def hardware() -> dict[str, str | int]:
    """What a measured number depends on: processor, cores this process may use, memory in GiB, GPUs, system."""
    import psutil

    gpus = visible_gpus()
    return {
        "processor": _processor(),
        "cores": cores(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30),
        "gpus": gpus,
        **({"gpu": _gpu_name()} if gpus else {}),
        "system": f"{platform.system()} {platform.machine()}",
    }


def versions() -> dict[str, str]:
    """Versions of Python and of the installed packages that a measured number depends on. Imports none of them."""
    found = {"python": platform.python_version()}
    for package in VERSIONED:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def device_report() -> str:
    """One line: processor, cores, memory, GPU."""
    h = hardware()
    return f"{h['processor']}, {h['cores']} cores, {h['memory_gib']} GiB, {h.get('gpu', 'no GPU')}"


def _processor() -> str:
    try:
        with open("/proc/cpuinfo") as lines:  # noqa: PTH123 - a device file, absent outside Linux
            for line in lines:
                if line.startswith("model name"):
                    return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _driver() -> ctypes.CDLL | None:
    """NVIDIA's driver, ready to be asked, or None where there is none or it does not start."""
    try:
        driver = ctypes.CDLL("nvcuda.dll" if os.name == "nt" else "libcuda.so.1")
    except OSError:
        return None
    return driver if driver.cuInit(0) == 0 else None


def _gpu_name() -> str:
    driver = _driver()
    if driver is None:
        return ""
    name = ctypes.create_string_buffer(100)
    device = ctypes.c_int(0)
    driver.cuDeviceGet(ctypes.byref(device), 0)
    driver.cuDeviceGetName(name, 100, device)
    return name.value.decode(errors="replace")
