# ---
# jupyter:
#   course:
#     budget_s:
#       cpu: 60
#       gpu: 60
#       smoke: 60
#     data: []
#     day: 1
#     frameworks: []
#     minutes: 5
#     title: "Tricky: what a round trip may lose, \xE4 # and all"
#   jupytext:
#     formats: py:percent
#     notebook_metadata_filter: course,-jupytext.text_representation.jupytext_version
#     text_representation:
#       extension: .py
#       format_name: percent
#       format_version: '1.3'
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Ünïcode, 卷积 and 🙂
#
# - a list
#   - deeper, with trailing spaces  
#
# ```python
# # %% not a cell
# ```

# %% tags=["parameters"]
PROFILE = "auto"  # 'quotes' "and" more
SEED = 0

# %% [raw] raw_mimetype="text/html"
# <b>raw & html</b>

# %% [raw]
# plain raw

# %% [markdown] deep={"list": [1, {"\u00fc": null}], "text": "a \"quote\""} tags=["a", "b"]
# Attributes on markdown: $\sum_i w_i x_i$ and a \\ backslash.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
# %matplotlib inline
x = 1

# %%
# %%time
y = 2

# %%
# !echo shell

# %%
text = """
# %% no cell begins here
"""
inner = '''a "triple" """ inside'''


# %% A title [markdown]
# A titled cell.

# %% nbgrader={"cell_type": "code", "grade": false, "grade_id": "f", "locked": false, "schema_version": 3, "solution": true, "task": false}
def f():
    ### BEGIN SOLUTION
    return 1
    ### END SOLUTION


# %% nbgrader={"cell_type": "code", "grade": true, "grade_id": "f_check", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
assert f() == 1

# %%

# %%
# only a comment

# %% tags=["raises-exception"]
raise ValueError("meant")
