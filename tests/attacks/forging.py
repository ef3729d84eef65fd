"""Forging a pass by bending what judges: checks, NumPy, builtins, IPython, the stack, the way the process ends."""

from functools import partial

import nbformat

from attacks.kit import FULL, NOTHING, WRONG, Attack, Base, NotebookNode, at, code, edited, place, planted
from attacks.kit import new as new_cell

forged = partial(planted, "forging")


def _before(source: str) -> str:
    return code(source) + "\n" + WRONG


def _shown_as_right(notebook: NotebookNode) -> None:
    """Outputs and metadata that claim full points for a wrong answer."""
    at(notebook, "conv2d").source = code(WRONG)
    for cell in notebook.cells:
        nbgrader = cell.metadata.get("nbgrader", {})
        if nbgrader.get("grade_id") == "check-conv2d":
            nbgrader |= {"points": 400, "score": 400, "grade": True}
            card = {"text/html": "<b>conv2d: 4 of 4 points. All of it is right.</b>"}
            cell.outputs = [nbformat.v4.new_output("display_data", card, metadata={"points": 4})]
    notebook.metadata["course"] = {"points": 18, "score": {"conv2d": 4}}


def _checks_made_harmless(notebook: NotebookNode) -> None:
    at(notebook, "conv2d").source = code(WRONG)
    for cell in notebook.cells:
        if cell.source.startswith("check("):
            cell.metadata["tags"] = ["skip-execution", "remove-cell"]
            cell.source = "print('4 of 4 points')"


def _check_replaced(notebook: NotebookNode) -> None:
    at(notebook, "conv2d").source = code(WRONG)
    notebook.cells.insert(place(notebook, "conv2d"), new_cell("def check(*args): return 'All of it is right.'"))


def _hard_coded(base: Base) -> bytes:
    """The visible cases with the answers that the reference gives, and nothing for others."""
    from course_utils.checks import day_02

    sources = {}
    for name in ("conv2d", "conv_layer", "im2col"):
        question = getattr(day_02, name)
        table = {}
        for case in question.draw(None):
            key = repr([value.tolist() if hasattr(value, "tolist") else value for value in case.inputs.values()])
            table[key] = question.reference(*case.copied().values()).tolist()
        sources[name] = (
            f"TABLE_{name} = {table!r}\n"
            f"def {name}(*inputs):\n"
            f"    return TABLE_{name}.get(repr([x.tolist() if hasattr(x, 'tolist') else x for x in inputs]), 0)\n"
        )
    return base.ipynb(base.with_answer(**sources))


ATTACKS = [
    forged("patched_testing", "np.testing, np.allclose and their kin always agree.", _before("""
        for name in ("allclose", "isclose", "array_equal", "array_equiv", "all", "any"):
            setattr(np, name, lambda *args, **kwargs: np.True_)
        for name in dir(np.testing):
            if name.startswith("assert_"):
                setattr(np.testing, name, lambda *args, **kwargs: None)
        """)),
    forged("patched_numpy_core", "NumPy makes every array and difference zero.", _before("""
        for name in ("asarray", "array", "subtract", "abs", "max"):
            setattr(np, name, lambda *args, **kwargs: 0.0)
        """)),
    forged("patched_builtins", "all, any, abs, max, isinstance, type and len agree with everything.", _before("""
        import builtins
        for name, lie in {"all": True, "any": True, "abs": 0, "max": 0, "isinstance": True, "callable": True}.items():
            setattr(builtins, name, lambda *args, lie=lie, **kwargs: lie)
        """)),
    forged("patched_check", "check, judge and decide give full points.", _before("""
        import course_utils.checks as checks
        from course_utils.checks import card, judge as judging
        def right(*args, **kwargs):
            return judging.Verdict("conv2d", 4, 4, "right", message="All of it is right.")
        for module in (checks, card, judging):
            for name in ("check", "judge", "decide"):
                setattr(module, name, right)
        check = right
        """)),
    forged("patched_comparison", "compare.difference finds none.", _before("""
        from course_utils.checks import compare, judge
        compare.difference = judge.difference = lambda *args, **kwargs: None
        """)),
    forged("patched_question", "The question is given the answer as its reference, no rules, more points.", _before("""
        for name, value in {"reference": lambda *args: np.zeros((1, 1)), "points": 400, "tolerance": 1e300,
                            "partial": 4, "cases": None, "kind": "value", "mistakes": {}}.items():
            object.__setattr__(questions.conv2d, name, value)
        """)),
    forged("patched_observe", "observe says right whatever it sees.", _before("""
        import course_utils.room.work as work
        from course_utils.checks import observe as module
        import sys
        outcome = sys.modules["course_utils.checks.observe"].Outcome
        work.observe = lambda question, answer, cases: [outcome(True, "", "right") for case in cases]
        """)),
    forged("swapped_modules", "The modules that judge are exchanged for others.", _before("""
        import sys, types
        class Yes(types.ModuleType):
            def __getattr__(self, name):
                return lambda *args, **kwargs: True
        for name in [name for name in sys.modules if name.startswith("course_utils.checks")]:
            sys.modules[name] = Yes(name)
        """)),
    forged("input_transformer", "IPython rewrites every later cell into a pass.", _before("""
        shell = get_ipython()
        shell.input_transformers_cleanup.append(lambda lines: ["pass\\n"])
        shell.input_transformers_post.append(lambda lines: ["conv2d = 'right'\\n"])
        shell.ast_transformers.clear()
        """)),
    forged("shell_hooks", "IPython's run_cell, events and exception handler report success.", _before("""
        shell = get_ipython()
        shell.run_cell = lambda *args, **kwargs: "4 of 4 points"
        shell.events.register("post_run_cell", lambda *args: print("4 of 4 points"))
        shell.set_custom_exc((BaseException,), lambda *args, **kwargs: None)
        shell.showtraceback = lambda *args, **kwargs: None
        """)),
    forged("display_messages", "Displays and kernel messages claim full points.", _before("""
        from IPython.display import HTML, display
        display(HTML("<b>conv2d: 4 of 4 points</b>"), metadata={"points": 4, "score": 4})
        shell = get_ipython()
        shell.display_pub.publish({"application/json": {"points": 4, "status": "right"}})
        shell.user_ns["_score"] = {"conv2d": 4}
        """)),
    forged("patched_exec", "exec and compile run code that passes instead.", _before("""
        import ast, builtins
        run, make = builtins.exec, builtins.compile
        builtins.exec = lambda *args: None
        builtins.compile = lambda *args, **kwargs: make("conv2d = True", "cell", "exec")
        """)),
    forged("time_bomb_thread", "A thread waits until the answers are taken and then changes what compares.", _before("""
        import threading, time
        def bomb():
            for _ in range(200):
                time.sleep(0.01)
                np.allclose = np.array_equal = np.isclose = lambda *args, **kwargs: np.True_
                import course_utils.checks.compare as compare
                compare.difference = lambda *args, **kwargs: None
        threading.Thread(target=bomb, daemon=True).start()
        """)),
    forged("exit_as_success", "The process ends with code 0 before the answer is looked at.", """
        import os
        def conv2d(image, kernel, stride=1):
            os._exit(0)
        """),
    forged("exit_after_one", "The first case is right, then the process ends with code 0.", """
        #RIGHT
        right, calls = conv2d, []
        def conv2d(image, kernel, stride=1):
            calls.append(1)
            if len(calls) > 1:
                import os
                os._exit(0)
            return right(image, kernel, stride)
        """),
    forged("skip_exceptions", "The answer raises what test runners take for a skip.", """
        import unittest
        def conv2d(image, kernel, stride=1):
            raise unittest.SkipTest("passed")
        """),
    forged("not_implemented", "The answer says for all but the first case that it is not there.", """
        #RIGHT
        right, calls = conv2d, []
        def conv2d(image, kernel, stride=1):
            calls.append(1)
            if len(calls) > 1:
                raise NotImplementedError
            return right(image, kernel, stride)
        """),
    forged("right_for_some", "The answer is right for the first draw of cases and wrong from then on.", """
        #RIGHT
        right, calls = conv2d, []
        def conv2d(image, kernel, stride=1):
            calls.append(1)
            return right(image, kernel, stride) + (len(calls) > 8)
        """),
    forged("stack_expected", "The answer looks for the expected value in its callers' frames.", """
        import sys
        def conv2d(image, kernel, stride=1):
            frame = sys._getframe()
            while frame:
                for name in ("expected", "reference", "key", "wanted", "solution"):
                    if name in frame.f_locals:
                        return frame.f_locals[name]
                frame = frame.f_back
            return np.zeros((1, 1))
        """),
    forged("stack_patched", "The answer changes its callers' variables.", """
        import ctypes, sys
        def conv2d(image, kernel, stride=1):
            frame = sys._getframe(1)
            while frame:
                for name in list(frame.f_locals):
                    if name in ("outcome", "fault", "changed", "value", "verdict", "status"):
                        frame.f_locals[name] = "right"
                        ctypes.pythonapi.PyFrame_LocalsToFast(ctypes.py_object(frame), ctypes.c_int(0))
                frame = frame.f_back
            return np.zeros((1, 1))
        """),
    forged("mutated_inputs", "Inputs are set to zero, for which zeros are right.", """
        def conv2d(image, kernel, stride=1):
            image[:] = 0
            kernel[:] = 0
            return np.zeros([(n - k) // stride + 1 for n, k in zip(image.shape, kernel.shape)])
        """),
    forged("mutated_after", "The answer is right, but leaves its input changed.", """
        #RIGHT
        right = conv2d
        def conv2d(image, kernel, stride=1):
            out = right(image, kernel, stride)
            image[:] = 0
            return out
        """),
    forged("other_answer_spoilt", "NumPy is broken in one answer's cell, so that the next ones go wrong or right.", """
        #RIGHT
        for name in ("zeros", "sum", "array", "ravel"):
            setattr(np, name, lambda *args, **kwargs: 1 / 0)
        del conv2d
        """),
    Attack("hard_coded", "forging", "The cases that the notebook shows are looked up in a table.", _hard_coded,
           FULL | {"conv2d": 0, "conv_layer": 0, "im2col": 0}),
    edited("forging", "shown_as_right", "Saved outputs and metadata claim full points.", _shown_as_right, conv2d=0),
    edited("forging", "checks_made_harmless", "Check cells say right and are tagged to be skipped.",
           _checks_made_harmless, conv2d=0),
    edited("forging", "check_replaced", "A function called check stands before the answer.", _check_replaced, conv2d=0),
    Attack("nothing_but_check_patched", "forging", "The exercise unsolved, with a check that always passes.",
           lambda base: _unsolved_with(base, "import course_utils.checks\ncourse_utils.checks.check = print"), NOTHING),
    forged("partial_stays_partial", "A known mistake, dressed up with patched points.", """
        object.__setattr__(questions.conv2d, "partial", 4)
        #RIGHT
        right = conv2d
        def conv2d(image, kernel, stride=1):
            return right(image, kernel[::-1, ::-1], stride)
        """, points=1),
]  # fmt: skip


def _unsolved_with(base: Base, source: str) -> bytes:
    notebook = base.unsolved()
    notebook.cells.insert(3, new_cell(source))
    return base.ipynb(notebook)
