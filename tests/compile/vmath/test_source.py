"""The text: only what is asked for, clean C99, sound under sanitizers, and vectorised."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest
from compiled_math import WARNINGS, compiler, has_fma, is_gcc, loops, needs_compiler

from paramprog.compile.vmath import BINARY, FLAGS, NAMES, NEAR, SCALAR, source

REALS = ("float64", "float32")


def defined(text):
    return re.findall(r"^PP_\w+ \w+ (pp_\w+)\(", text, re.MULTILINE)


def test_only_what_is_needed():
    """The text for one function has it and what it calls, each once and before it is called."""
    names = defined(source(["exp"], "float64"))
    assert "pp_exp_f64" in names
    assert len(set(names)) == len(names)
    assert not any("log" in name or "sin_" in name or "f32" in name for name in names)
    text = source(NAMES, "float32")
    seen = set()
    for name, body in re.findall(r"^PP_\w+ \w+ (pp_\w+)(\(.*?)(?=^PP_|\Z)", text, re.MULTILINE | re.DOTALL):
        assert set(re.findall(r"\bpp_\w+_f(?:32|64)\b", body)) <= seen | {name}
        seen.add(name)
    assert {f"pp_{name}_f32" for name in NAMES} <= seen


def test_order_and_repetition_of_names_are_kept():
    """The same names give the same text, asked for once or twice; no names give the head alone."""
    assert source(["tanh", "exp"], "float64") == source(["tanh", "exp", "tanh"], "float64")
    assert not defined(source([], "float64"))


def test_unknown_name():
    """A name that is not there is a KeyError."""
    with pytest.raises(KeyError):
        source(["besselj"], "float64")


@needs_compiler
@pytest.mark.parametrize("real", REALS)
@pytest.mark.parametrize("name", NAMES)
def test_each_alone_is_clean_c(name, real):
    """Each function alone compiles as strict C99 without a warning."""
    command = [compiler(), *WARNINGS, "-x", "c", "-c", "-", "-o", os.devnull]
    done = subprocess.run(command, input=source([name], real), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@needs_compiler
@pytest.mark.skipif(
    not is_gcc() or not has_fma(), reason="reads the reports of gcc, on a processor with wide vectors"
)
@pytest.mark.parametrize("flags", [(), FLAGS], ids=["O3", "FLAGS"])
@pytest.mark.parametrize("real", REALS)
def test_loops_are_vectorised(real, flags, tmp_path):
    """gcc vectorises a loop over each function; those with square roots need FLAGS, as a root may set errno."""
    names = [name for name in NAMES if name not in SCALAR]
    if not flags:
        names = ["exp", "log", "tanh", "sigmoid", "sin", "cos", "erf", "pow", "expm1", "log1p"]
    text = loops(names, real)
    file = tmp_path / "math.c"
    file.write_text(text)
    command = [compiler(), "-std=c99", "-O3", "-march=native", *flags, "-fopt-info-vec-optimized", "-c", file]
    done = subprocess.run([*command, "-o", tmp_path / "math.o"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    lines = {int(n) for n in re.findall(r"math\.c:(\d+):\d+: optimized: loop vectorized", done.stderr)}
    plain = [
        found[1]
        for n, line in enumerate(text.splitlines(), 1)
        if (found := re.match(r"void loop_(\w+)\(.*\{", line)) and n not in lines
    ]
    assert plain == [name for name in names if name in NEAR]


MAIN = """
#include <stdio.h>
int main(void) {
    static const T edges[] = {0, 1, -1, 0.5, 3, 1e-30f, -1e-30f, 89, -104, 711, -746,
                              1e10f, 1e30f, -1e38f, INFINITY, NAN};
    enum { N = sizeof edges / sizeof *edges };
    static T x[N * N], y[N * N], out[N * N];
    for (int i = 0; i < N * N; i++) { x[i] = edges[i % N]; y[i] = edges[i / N]; }
CALLS
    return 0;
}
"""


@needs_compiler
@pytest.mark.skipif(sys.platform == "win32", reason="no sanitizers")
@pytest.mark.parametrize("real", REALS)
def test_sanitizers_find_nothing(real, tmp_path):
    """Over special values, neither the address nor the undefined-behaviour sanitizer finds anything."""
    calls = []
    for name in NAMES:
        args = "N * N, 2, x" if name == "polygamma" else "N * N, x, y" if name in BINARY else "N * N, x"
        calls.append(f"    loop_{name}({args}, out);")
        if name == "polygamma":
            calls[-1] = "    loop_polygamma(N, 2, x, out);"
    text = loops(NAMES, real) + MAIN.replace("CALLS", "\n".join(calls))
    text = text.replace("#include <stdio.h>", f"typedef {'double' if real == 'float64' else 'float'} T;")
    file, built = tmp_path / "math.c", tmp_path / "math"
    file.write_text(text)
    sanitizers = "-fsanitize=address,undefined,float-cast-overflow"
    flags = ["-std=c99", "-O1", "-g", sanitizers, "-fno-sanitize-recover=all"]
    done = subprocess.run(
        [compiler(), *flags, file, "-o", built, "-lm"], capture_output=True, text=True, check=False
    )
    if done.returncode:
        pytest.skip(f"no sanitizers here: {done.stderr[-200:]}")
    done = subprocess.run([built], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
