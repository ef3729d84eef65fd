"""What happens to students who mean well: names rebound, prints, warnings, slow code, a broken cell, input().

A right answer keeps its points, whatever stands around it.
"""

from functools import partial

from attacks.kit import FULL, Attack, NotebookNode, edited, new, place, planted

slip = partial(planted, "accidents")


def right_answer(name: str, what: str, source: str, question: str = "conv2d") -> Attack:
    """An answer cell that holds a right answer."""
    return slip(name, what, source, question, FULL[question])


def _cell(name: str, what: str, source: str, after: str = "conv2d", **points: int) -> Attack:
    """A cell of the student's own below one of the answers."""

    def edit(notebook: NotebookNode) -> None:
        notebook.cells.insert(place(notebook, after) + 1, new(source))

    return edited("accidents", name, what, edit, **points)  # fmt: skip


ATTACKS = [
    right_answer("np_rebound", "np is used for a number below another answer.",
                 "#RIGHT\nnp = 28 * 28\n", "count_parameters"),
    right_answer("builtins_rebound", "list, sum, print, range and int are used as names below an answer.",
           "#RIGHT\nlist = [1, 2]\nsum = 0\nprint = None\nrange = 3\nint = 1.5\nmax = min = len = 0\n",
                 "count_parameters"),
    right_answer("course_names_rebound", "check, questions, summary and claim are rebound below an answer.",
           "#RIGHT\ncheck = questions = summary = claim = plots = reference = None\n", "count_parameters"),
    _cell("np_rebound_in_a_cell", "A cell of one's own in which np and plt get lost.",
          "np = plt = None\nimport random as np"),
    _cell("builtins_deleted", "A cell that breaks every function that builds on zip.",
          "import builtins\nbuiltins.zip = None\nbuiltins.enumerate = None"),
    _cell("star_import", "from numpy import *.", "from numpy import *\nfrom math import *\nfrom random import *"),
    _cell("syntax_error", "A cell that is no Python.", "for i in range(3) print(i)"),
    _cell("cell_raises", "A cell that stops with an error.", "x = [1, 2, 3]\nx[5]"),
    _cell("endless_loop", "A cell with an endless loop.", "while True:\n    x = 1"),
    _cell("loop_on_input", "A cell that asks until it likes the answer.",
          "word = ''\nwhile word != 'quit':\n    word = input('continue? ')"),
    _cell("exit_called", "exit() and quit() in cells.", "exit()\nquit()\nraise SystemExit"),
    _cell("kernel_restart", "A cell that restarts the kernel.", """
        import IPython
        IPython.Application.instance().kernel.do_shutdown(True)
        get_ipython().kernel.do_shutdown(restart=True)
        """),
    _cell("installing", "Packages are installed.",
          "!pip install no-such-package-at-all\n%pip install numpy\n%conda install x"),
    _cell("missing_module", "A module that the grader does not have.",
          "import torchvision_of_my_own\nimport cv2_extra"),
    _cell("missing_file", "A file of the student's own computer.", "data = np.load('C:/Users/me/Desktop/photo.npy')"),
    _cell("drive_mounted", "A drive of another service.",
          "from google.colab import drive\ndrive.mount('/content/drive')"),
    _cell("working_folder", "Changes into a folder of one's own.",
          "import os\nos.chdir('/home/me/course')\n%cd /content"),
    _cell("timing", "Times an answer.", "%timeit -n 2 -r 2 conv2d(np.ones((9, 9)), np.ones((3, 3)))"),
    _cell("shell_listing", "Looks at the folder.", "!ls -la | head\nfiles = !ls\n!nvidia-smi\n%env\n%who"),
    _cell("cell_magics", "A cell in another language.", "%%bash\nfor f in *; do echo $f; done"),
    _cell("web_cell", "A cell of HTML.", "%%html\n<b>My notes</b>"),
    _cell("help_asked", "Asks for help.", "np.sum?\n??conv2d\nhelp(np)"),
    _cell("asserted", "Checks of one's own that fail.", "assert conv2d(small, small) is None, 'hm'\nassert False"),
    _cell("inputs_changed", "Changes what the exercise gives.", "small[:] = 0\nquestions.KERNELS_TO_NAME['A'][:] = 0"),
    _cell("seed_set", "Sets seeds and printing.",
          "np.random.seed(1)\nnp.set_printoptions(precision=2)\nnp.seterr(all='raise')"),
    _cell("warnings_raise", "Makes every warning an error.", "import warnings\nwarnings.simplefilter('error')"),
    _cell("megabytes_shown", "Shows far too much.", "for i in range(200):\n    print('x' * 10**5)\nlist(range(10**6))"),
    _cell("awaiting", "await without a function.", "import asyncio\nawait asyncio.sleep(0.01)"),
    _cell("plot_left", "A window that waits to be closed.",
          "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show(block=True)"),
    _cell("memory_used", "A large array that is no longer needed.", "big = np.ones(5 * 2**24)"),
    _cell("name_deleted", "An answer's name deleted after its check.", "answer = conv2d\ndel answer"),
    right_answer("time_magic", "%%time above an answer.", "%%time\n#RIGHT"),
    right_answer("capture_magic", "%%capture above an answer, a magic below.", "%%capture out\n#RIGHT\n%precision 3"),
    right_answer("input_left", "input() left in.", "name = input('Your name? ')\n#RIGHT\nprint('Hello', name)"),
    right_answer("input_inside", "input() left in the function.", """
        #RIGHT
        right = conv2d
        def conv2d(image, kernel, stride=1):
            if input("step? ") == "stop":
                return None
            return right(image, kernel, stride)
        """),
    right_answer("error_below", "An error below an answer, in its cell.",
                 "#RIGHT\nprint(conv2d(small))\nundefined_name"),
    right_answer("exit_below", "exit() below an answer, in its cell.", "#RIGHT\nexit()"),
    right_answer("loop_below", "An endless loop below an answer, in its cell.", "#RIGHT\nwhile True:\n    pass"),
    right_answer("prints_much", "Prints a megabyte for every case.", """
        #RIGHT
        right = conv2d
        def conv2d(image, kernel, stride=1):
            print("x" * 10**6)
            return right(image, kernel, stride)
        """),
    right_answer("warns", "Warns, logs, and writes to standard error.", """
        import logging, sys, warnings
        #RIGHT
        right = conv2d
        def conv2d(image, kernel, stride=1):
            warnings.warn("slow", DeprecationWarning)
            logging.getLogger().error("here")
            print(np.float64(1) / 0, file=sys.stderr)
            return right(image, kernel, stride)
        """),
    right_answer("slow", "Right, and slow: it waits for two seconds in all.", """
        import time
        #RIGHT
        right, left = conv2d, [20]
        def conv2d(image, kernel, stride=1):
            if left[0]:
                left[0] -= 1
                time.sleep(0.1)
            return right(image, kernel, stride)
        """),
    right_answer("slow_loops", "Right, with loops down to single numbers.", """
        def conv2d(image, kernel, stride=1):
            height, width = [(n - k) // stride + 1 for n, k in zip(image.shape, kernel.shape)]
            return np.array([[sum(float(image[i * stride + a][j * stride + b]) * float(kernel[a][b])
                                  for a in range(kernel.shape[0]) for b in range(kernel.shape[1]))
                              for j in range(width)] for i in range(height)])
        """),
    right_answer("progress_bar", "A progress bar.", """
        from tqdm.auto import tqdm
        #RIGHT
        right = conv2d
        def conv2d(image, kernel, stride=1):
            for _ in tqdm(range(3)):
                pass
            return right(image, kernel, stride)
        """),
    right_answer("lists", "Lists of lists instead of an array.", """
        #RIGHT
        right = conv2d
        conv2d = lambda image, kernel, stride=1: right(image, kernel, stride).tolist()
        """),
    right_answer("matrix", "np.matrix, in single precision.", """
        #RIGHT
        right = im2col
        def im2col(*inputs):
            return np.matrix(right(*inputs)).astype(np.float32)
        """, "im2col"),
    right_answer("method", "An object that can be called, with its work in a method.", """
        class Convolution:
            calls = 0
            def __call__(self, image, kernel, stride=1):
                self.calls += 1
                return self.slide(image, kernel, stride)
            @staticmethod
            def slide(image, kernel, stride):
                view = np.lib.stride_tricks.sliding_window_view(image, kernel.shape)[::stride, ::stride]
                return np.einsum("ijkl,kl->ij", view, kernel)
        conv2d = Convolution()
        """),
    right_answer("decorated", "A decorator that remembers, and one that counts.", """
        import functools
        #RIGHT
        count_parameters = functools.lru_cache(count_parameters)
        calls = 0
        def counted(function):
            @functools.wraps(function)
            def call(*args, **kwargs):
                global calls
                calls += 1
                return function(*args, **kwargs)
            return call
        count_parameters = counted(count_parameters)
        """, "count_parameters"),
    right_answer("typed", "Types, a docstring with quotes, default values, keyword names.", '''
        from __future__ import annotations
        from numpy.typing import NDArray
        def count_parameters(image_shape: tuple[int, int, int], kernel_size: int, n_filters: int | None = 1) -> "int":
            """Say "how many"; see '{image_shape}'."""
            *_, channels = image_shape
            if (side := kernel_size) > 0:
                return n_filters * (side**2 * channels + 1)
        ''', "count_parameters"),
    right_answer("count_as_float", "A whole number as a float of NumPy.", """
        #RIGHT
        number = count_parameters
        count_parameters = lambda *inputs: np.float64(number(*inputs))
        """, "count_parameters"),
    right_answer("names_capitals", "Capitals and blanks in the choices.", """
        #RIGHT
        kernel_names = {letter: f" {name.title()} " for letter, name in kernel_names.items()}
        """, "kernel_names"),
    right_answer("names_ordered", "A dictionary of another kind, in another order.", """
        from collections import OrderedDict
        #RIGHT
        kernel_names = OrderedDict(sorted(kernel_names.items(), reverse=True))
        """, "kernel_names"),
    right_answer("names_by_function", "A dictionary made by a function of one's own.", """
        def name(letter):
            return dict(zip("ABCDEFG", NAMES))[letter]
        NAMES = ["vertical edges", "horizontal edges", "edges in every direction", "sharpen", "blur", "shift left"]
        NAMES.append(NAMES[1])
        kernel_names = {letter: name(letter) for letter in questions.KERNELS_TO_NAME}
        """, "kernel_names"),
    right_answer("truths_computed", "Worked out instead of written down, with NumPy's own truths.", """
        flip_matters = {}
        for letter, kernel in questions.KERNELS_TO_TURN.items():
            flip_matters[letter] = np.any(kernel != np.rot90(kernel, 2))
        """, "flip_matters"),
    right_answer("shortcut", "A library does the work: the points stay, the instructor is told.", """
        from scipy.signal import correlate2d
        def conv2d(image, kernel, stride=1):
            return correlate2d(image.astype(float), kernel, mode="valid")[::stride, ::stride]
        """),
    right_answer("uses_another_answer", "An answer that builds on another.", """
        def conv2d(image, kernel, stride=1):
            rows = im2col(image[:, :, None], max(kernel.shape), stride) if kernel.shape[0] == kernel.shape[1] else None
            if rows is None:
                view = np.lib.stride_tricks.sliding_window_view(image, kernel.shape)[::stride, ::stride]
                return (view * kernel).sum(axis=(2, 3))
            shape = [(n - k) // stride + 1 for n, k in zip(image.shape, kernel.shape)]
            return (rows @ kernel.ravel()).reshape(shape)
        """),
    slip("wrong_arguments", "Arguments in another order.", """
        #RIGHT
        right = conv2d
        def conv2d(kernel, image, stride=1):
            return right(image, kernel, stride)
        """),
    slip("prints_no_return", "Prints the answer instead of returning it.", """
        #RIGHT
        right = conv2d
        def conv2d(image, kernel, stride=1):
            print(right(image, kernel, stride))
        """),
    slip("flipped", "A known mistake: the kernel is flipped.", """
        #RIGHT
        right = conv2d
        def conv2d(image, kernel, stride=1):
            return right(image, kernel[::-1, ::-1], stride)
        """, points=1),
    slip("bias_forgotten", "A known mistake: the bias is missing.", """
        #RIGHT
        right = conv_layer
        def conv_layer(image, kernels, bias):
            return right(image, kernels, 0 * bias)
        """, "conv_layer", 1),
    slip("one_name_missing", "One entry of a form left empty.", """
        #RIGHT
        kernel_names["E"] = None
        """, "kernel_names"),
]  # fmt: skip
