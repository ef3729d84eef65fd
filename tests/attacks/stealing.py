"""Answers that are not worked out but taken: from the checks, the reference, the memory of the process."""

from attacks.kit import FULL, Attack, code

MODULES = """
import importlib, pkgutil, sys
def modules(*packages):
    for package in packages:
        try:
            package = importlib.import_module(package)
        except BaseException:
            continue
        yield package
        for found in pkgutil.walk_packages(getattr(package, "__path__", []), package.__name__ + "."):
            try:
                yield importlib.import_module(found.name)
            except BaseException:
                pass
"""


def _stolen(name: str, what: str, source: str, question: str = "conv2d") -> Attack:
    """An answer that is right where it finds the reference, and worth nothing where it does not."""
    source = code(source).replace("#MODULES", code(MODULES))
    return Attack(name, "secrets", what, lambda base: base.ipynb(base.with_answer(**{question: source})),
                  FULL | {question: 0}, probe=source)  # fmt: skip


ATTACKS = [
    _stolen("reference_module", "Calls the course's reference implementation.", """
        from course_utils import reference
        def conv2d(image, kernel, stride=1):
            return reference.conv2d(image, kernel, stride=stride)
        """),
    _stolen("reference_im2col", "Binds the course's function to the answer's name.", """
        from course_utils.reference import im2col
        """, "im2col"),
    _stolen("reference_of_layer", "Calls the reference for another question than it was written for.", """
        def conv_layer(image, kernels, bias):
            import course_utils.reference
            return course_utils.reference.conv2d(image, kernels, bias)
        """, "conv_layer"),
    _stolen("reference_count", "Counts with the course's own function.", """
        def count_parameters(image_shape, kernel_size, n_filters):
            from course_utils.reference import conv_parameters
            return conv_parameters(kernel_size, image_shape[2], n_filters)
        """, "count_parameters"),
    _stolen("reference_searched", "Tries every function of the reference module until one fits.", """
        import inspect
        from course_utils import reference
        def conv2d(image, kernel, stride=1):
            for name, function in inspect.getmembers(reference, inspect.isfunction):
                try:
                    out = function(image, kernel, stride=stride)
                    if out.shape == tuple((n - k) // stride + 1 for n, k in zip(image.shape, kernel.shape)):
                        return out
                except Exception:
                    continue
        """),
    _stolen("question_reference", "Asks the question for its reference.", """
        def conv2d(image, kernel, stride=1):
            return questions.conv2d.reference(image, kernel, stride)
        """),
    _stolen("question_values", "Takes the expected value of a written question.", """
        kernel_names = dict(questions.kernel_names.reference)
        """, "kernel_names"),
    _stolen("mistakes_undone", "Undoes a known mistake: transposes what the swapped answer gives.", """
        def conv2d(image, kernel, stride=1):
            swapped = next(f for text, f in questions.conv2d.mistakes.items() if "swapped" in text)
            return swapped(image, kernel, stride).T
        """),
    _stolen("mistakes_majority", "What most wrong answers say of a letter is right.", """
        import collections
        wrong = list(questions.kernel_names.mistakes.values())
        kernel_names = {x: collections.Counter(w[x] for w in wrong).most_common(1)[0][0] for x in "ABCDEFG"}
        """, "kernel_names"),
    _stolen("module_names", "Looks for the answers among all names of the checks' modules.", """
        #MODULES
        for module in modules("course_utils.checks", "course_utils.grading", "course_utils.bundle"):
            for name, value in list(vars(module).items()):
                if isinstance(value, dict) and set(value) == set("PQRST") and type(value["P"]) is bool:
                    flip_matters = value
                reference = getattr(value, "reference", None)
                if getattr(value, "name", "") == "flip_matters" and isinstance(reference, dict):
                    flip_matters = reference
        """, "flip_matters"),
    _stolen("collected_objects", "Looks for the answers among all objects in memory.", """
        import collections, gc
        import course_utils.checks.day_02
        things = gc.get_objects()
        things += gc.get_referents(*things)
        found = [thing for thing in things if type(thing) is dict and list(thing) == list("ABCDEFG")
                 and set(map(str, thing.values())) <= set(questions.KERNEL_CHOICES)]
        kernel_names = {x: collections.Counter(one[x] for one in found).most_common(1)[0][0] for x in "ABCDEFG"}
        """, "kernel_names"),
    _stolen("collected_functions", "Looks for a function that does the work among all in memory.", """
        import gc, types
        import course_utils.checks.day_02
        SIGNATURES = [("image", "kernel_size", "stride"), ("image", "kernel_size")]
        found = [f for f in gc.get_objects() if isinstance(f, types.FunctionType) and f.__name__ == "im2col"
                 and f.__module__ != "__main__"]
        def im2col(image, kernel_size, stride=1):
            return found[0](image, kernel_size, stride)
        """, "im2col"),
    _stolen("source_read", "Reads the answer in the source files of the checks.", """
        #MODULES
        import inspect, re
        for module in modules("course_utils.checks.day_02", "course_utils.checks", "course_utils.bundle"):
            try:
                text = inspect.getsource(module)
            except (OSError, TypeError):
                continue
            block = re.search(r"_NAMES = dict\\(.*?\\[(.*?)\\]", text, re.S)
            if block:
                kernel_names = dict(zip("ABCDEFG", re.findall(r'"([a-z ]+)"', block[1])))
        """, "kernel_names"),
    _stolen("compiled_read", "Reads the answer in the constants of compiled code.", """
        #MODULES
        import types
        for module in modules("course_utils.checks.day_02", "course_utils.checks"):
            loader = getattr(module, "__loader__", None)
            todo = [loader.get_code(module.__name__)] if hasattr(loader, "get_code") else []
            while todo:
                constants = [c for c in todo.pop().co_consts]
                todo += [c for c in constants if isinstance(c, types.CodeType)]
                for c in constants:
                    if isinstance(c, tuple) and len(c) == 7 and set(c) <= set(questions.KERNEL_CHOICES):
                        kernel_names = dict(zip("ABCDEFG", c))
        """, "kernel_names"),
    _stolen("files_searched", "Looks for the reference in all files of all installed packages called course.", """
        import glob, importlib.util, sys, types
        from pathlib import Path
        def conv2d(image, kernel, stride=1):
            folders = {str(Path(p)) for p in sys.path} | {"/course", "/home", "/root", "/srv", "/opt"}
            import course_utils
            folders |= {str(Path(p).parent) for p in course_utils.__path__}
            for folder in sorted(folders):
                for path in glob.glob(folder + "/**/reference/convolution.py", recursive=False):
                    try:
                        spec = importlib.util.spec_from_file_location("stolen", path)
                        module = importlib.util.module_from_spec(spec)
                        sys.modules["stolen"] = module
                        spec.loader.exec_module(module)
                        return module.conv2d(image, kernel, stride=stride)
                    except BaseException:
                        continue
        """),
    _stolen("grading_imported", "Imports the grader and asks its desk.", """
        from pathlib import Path
        import course_utils.grading.desk as desk
        module = desk.load("course_utils.checks.day_02")
        def conv2d(image, kernel, stride=1):
            return desk.Desk(module, b"").questions["conv2d"].reference(image, kernel, stride)
        """),
    _stolen("solutions_read", "Executes the solution that lies in the course's folder.", """
        from course_utils.paths import root
        source = (root() / "solutions" / "day_02_convolution.py").read_text()
        source = source[source.index("def conv2d"):]
        exec(source[:source.index("# %%")])
        """),
]  # fmt: skip
