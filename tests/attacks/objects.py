"""Forging a pass with objects: subclasses and look-alikes that equal everything, change their minds, or bite.

Those that only bite belong to crashing; what they are worth is the same.
"""

from functools import partial

from attacks.kit import Attack, code, planted

forged, crashing = partial(planted, "forging"), partial(planted, "crashing")


def _answers(expression: str, preparation: str) -> str:
    return f"{code(preparation)}\ndef conv2d(image, kernel, stride=1):\n    return {expression}\n"


def _dunder(name: str, method: str, body: str, what: str) -> Attack:
    """An object that is no answer, one of whose methods does this."""
    return crashing(name, what, _answers("Bite()", f"""
        import itertools, os, sys, time
        class Bite:
            def {method}(self, *args, **kwargs):
                {body}
        """))  # fmt: skip


ALWAYS = """
class Always:
    __hash__ = None
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    def __bool__(self): return True
    def __lt__(self, other): return True
    __le__ = __gt__ = __ge__ = __contains__ = __lt__
    def __sub__(self, other): return 0
    __rsub__ = __mul__ = __rmul__ = __truediv__ = __sub__
    def __getattr__(self, name): return Always()
    def __call__(self, *args, **kwargs): return Always()
    def __iter__(self): return iter(())
    def __len__(self): return 0
    def __float__(self): return 0.0
    def __abs__(self): return 0
"""

ATTACKS = [
    forged("always_equal", "An object that equals everything.", _answers("Always()", ALWAYS)),
    forged("always_equal_value", "The same for a question of a value.",
           code(ALWAYS) + "\nkernel_names = Always()", "kernel_names"),
    forged("always_equal_entries", "Entries that equal everything.",
           code(ALWAYS) + "\nflip_matters = {letter: Always() for letter in 'PQRST'}", "flip_matters"),
    forged("array_subclass", "An array whose operators, comparisons and conversions all agree.",
           _answers("np.full((2, 2), 0.123).view(Agreeing)", """
        class Agreeing(np.ndarray):
            __array_priority__ = 1e9
            def __array_ufunc__(self, ufunc, method, *inputs, **kwargs): return np.True_
            def __array_function__(self, function, types, args, kwargs): return np.True_
            def __eq__(self, other): return np.True_
            def __sub__(self, other): return np.zeros(1)
            __rsub__ = __sub__
            def __array_finalize__(self, other): pass
            @property
            def shape(self): return (2, 2)
        """)),
    forged("array_protocol", "__array__ gives what its caller expects, if that can be found.",
           _answers("Lookup()", """
        import gc, sys
        class Lookup:
            def __array__(self, *args, **kwargs):
                frame = sys._getframe()
                while frame:
                    for name, value in frame.f_locals.items():
                        if name in ("expected", "wanted", "e") and isinstance(value, np.ndarray):
                            return value
                    frame = frame.f_back
                return np.zeros((1, 1))
        """)),
    forged("array_interface", "An array interface that points to memory of others.", _answers("Pointer()", """
        class Pointer:
            __array_interface__ = {"shape": (2, 2), "typestr": "<f8", "version": 3, "data": (id(np), True)}
            def __array__(self, *args, **kwargs): return np.array(memoryview(bytes(32))).view(float).reshape(2, 2)
        """)),
    forged("changing_array", "__array__ gives something else at each look.", _answers("Changing()", """
        class Changing:
            looks = 0
            def __array__(self, *args, **kwargs):
                Changing.looks += 1
                return np.full((Changing.looks % 4, 2), float(Changing.looks))
        """)),
    forged("dict_subclass", "A dictionary that tries every choice in turn.", """
        import itertools
        class Trying(dict):
            turn = itertools.cycle(questions.KERNEL_CHOICES)
            def __getitem__(self, key): return next(self.turn)
            def get(self, key, default=None): return next(self.turn)
            def __missing__(self, key): return next(self.turn)
            def items(self): return [(letter, next(self.turn)) for letter in "ABCDEFG"]
        kernel_names = Trying.fromkeys("ABCDEFG", "blur")
        """, "kernel_names"),
    forged("text_subclass", "Texts that equal everything, whatever is done to them.", """
        class Any(str):
            __hash__ = str.__hash__
            def __eq__(self, other): return True
            def __ne__(self, other): return False
            def strip(self, *args): return self
            casefold = lower = upper = __str__ = strip
        kernel_names = {letter: Any("shift right") for letter in "ABCDEFG"}
        """, "kernel_names"),
    forged("number_subclass", "A number whose difference to anything is 0.", """
        class Near(float):
            def __sub__(self, other): return 0.0
            def __eq__(self, other): return True
            __rsub__ = __sub__
            def __abs__(self): return 0.0
            def __array__(self, *args, **kwargs): return np.zeros(())
        def count_parameters(image_shape, kernel_size, n_filters): return Near(1)
        """, "count_parameters"),
    forged("integer_subclass", "An integer that is another one each time it is asked.", """
        class Moving(int):
            def __index__(self): return np.random.randint(1000)
            __int__ = __index__
            def __float__(self): return float(self.__index__())
            def __eq__(self, other): return True
            __hash__ = int.__hash__
        def count_parameters(image_shape, kernel_size, n_filters): return Moving(3)
        """, "count_parameters"),
    forged("lying_class", "An object that says it is an array.", _answers("Liar()", """
        class Liar:
            __class__ = np.ndarray
            shape, ndim, size, dtype = (2, 2), 2, 4, np.dtype(float)
            def __getattr__(self, name): return lambda *args, **kwargs: True
        """)),
    forged("lying_length", "A list that says it is short and goes on.", _answers("Short([1] * 5)", """
        import itertools
        class Short(list):
            def __len__(self): return 2
            def __iter__(self): return itertools.repeat([1, 2])
        """)),
    forged("torch_like", "A look-alike of a tensor.", _answers("Tensor()", """
        class Tensor:
            def detach(self): return self
            def cpu(self): return self
            def numpy(self): return np.zeros((2, 2))
            __array__ = lambda self, *args, **kwargs: np.zeros((2, 2))
        """)),
    forged("metaclass", "A class whose instances of every kind are equal.", _answers("Twin", """
        class Meta(type):
            def __eq__(cls, other): return True
            def __instancecheck__(cls, instance): return True
            __hash__ = type.__hash__
        class Twin(metaclass=Meta): pass
        """)),
    crashing("generator", "A generator without an end.", _answers("itertools.count()", "import itertools")),
    crashing("map", "A lazy map over a generator without an end.",
             _answers("map(str, itertools.count())", "import itertools")),
    crashing("itself", "A list that holds itself.", _answers("loop", "loop = []\nloop.append(loop)")),
    crashing("dict_itself", "A dictionary that holds itself.", _answers("loop", "loop = {}\nloop['A'] = loop")),
    crashing("deep_list", "A list nested a hundred thousand times.",
             _answers("deep", "deep = []\nfor _ in range(100_000):\n    deep = [deep]")),
    crashing("deep_wide_list", "A list of lists that shares its parts: small in memory, endless on the way.",
             _answers("deep", "deep = [1.5] * 30\nfor _ in range(5):\n    deep = [deep] * 30")),
    crashing("long_text", "A text of a hundred million letters.", _answers("'x' * 10**8", "")),
    crashing("long_list", "A list of ten million numbers.", _answers("[0] * 10**7", "")),
    crashing("ten_gigabytes", "An array of ten gigabytes that needs eight bytes.",
             _answers("np.broadcast_to(np.float64(1), (10**5, 10**5))", "")),
    crashing("forty_megabytes", "An array that still fits into memory.", _answers("np.ones((2500, 2000))", "")),
    crashing("wild_strides", "An array that lies over memory which is not its own.",
             _answers("np.lib.stride_tricks.as_strided(np.zeros(1), (10**7,), (4096,))", "")),
    crashing("sixty_axes", "An array of sixty axes.", _answers("np.zeros((1,) * 60)", "")),
    crashing("odd_texts", "Null bytes, half surrogates and control characters as names.",
             "kernel_names = dict.fromkeys('ABCDEFG', '\\x00\\ud800\\x1b]0;title\\x07\\u202e')", "kernel_names"),
    crashing("odd_keys", "Keys of all sorts that become the same text.",
             "kernel_names = {1: 'blur', '1': 'blur', 1.5: [], None: 1, (): 2, b'A': 3, 10**300: 4}", "kernel_names"),
    _dunder("hanging_array", "__array__", "while True: pass", "__array__ never comes back."),
    _dunder("exiting_array", "__array__", "os._exit(0)", "__array__ ends the process."),
    _dunder("recursive_array", "__array__", "return np.asarray(self)", "__array__ asks itself."),
    _dunder("raising_getattr", "__getattr__", "raise KeyboardInterrupt", "Every attribute interrupts."),
    _dunder("raising_class", "__getattribute__", "raise SystemExit(0)", "Even __class__ ends the program."),
    _dunder("endless_iter", "__iter__", "return itertools.repeat(1)", "Going through it never ends."),
    _dunder("lying_len", "__len__", "return sys.maxsize", "It says that it has 2**63 - 1 entries."),
    _dunder("raising_del", "__del__", "os._exit(0)", "Throwing it away ends the process."),
    _dunder("reduce", "__reduce__", "return (os._exit, (0,))", "A pickle of it would end the process."),
    _dunder("raising_str", "__str__", "raise GeneratorExit", "Its text cannot be had."),
    _dunder("raising_repr", "__repr__", "raise MemoryError", "Nor how it would be written."),
    _dunder("raising_bool", "__bool__", "raise KeyboardInterrupt", "It is neither true nor false."),
]  # fmt: skip
