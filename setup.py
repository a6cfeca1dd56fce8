"""Builds the compiled code. Without a compiler the package is installed all the same."""

import os
import re
import tomllib
from pathlib import Path

import numpy
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

# Cython modules and their headers, by folder.
FOLDERS = {
    "skrbm/_kernels": (("_windows",), ("vectors.h", "windows.h", "windows_of_real.h")),
    "skrbm/learning": (
        ("_model", "_update"),
        ("kernels.h", "loops.h", "loops_of_real.h", "_model.pxd"),
    ),
}
HEADERS = [f"{folder}/{header}" for folder, (_, headers) in FOLDERS.items() for header in headers]
# Of OpenMP only `omp simd`: no library and no threads. Loops over exp and comparisons become vector
# code only if errno and floating-point traps are ignored.
FLAGS = ["-O3", "-fopenmp-simd", "-fno-math-errno", "-fno-trapping-math"]

ROOT = Path(__file__).parent
PICTURES = ".gif", ".jpg", ".png", ".svg"
# A path after "](" in Markdown, or after "src=" and the like in HTML: no address and no anchor.
RELATIVE = re.compile(r"""(\]\(|\b(?:href|src|srcset)=")(?!\w+:|#)([^)"\s]+)""")


def long_description() -> str:
    """README.md for package indexes, with absolute links to the files of this version."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    init = (ROOT / "skrbm/__init__.py").read_text(encoding="utf-8")
    version = re.search('^__version__ = "(.+)"$', init, re.MULTILINE)[1]

    def absolute(match: re.Match) -> str:
        kind = "raw" if match[2].endswith(PICTURES) else "blob"
        return f"{match[1]}{project['urls']['Homepage']}/{kind}/v{version}/{match[2]}"

    return RELATIVE.sub(absolute, (ROOT / "README.md").read_text(encoding="utf-8"))


class BuildExtension(build_ext):
    """Adds the flags of the compiler."""

    def build_extension(self, extension):
        """Compile an extension."""
        msvc = self.compiler.compiler_type == "msvc"
        extension.extra_compile_args = ["/O2"] if msvc else FLAGS
        super().build_extension(extension)


extensions = [
    Extension(
        f"{folder.replace('/', '.')}.{name}",
        [f"{folder}/{name}.pyx"],
        depends=HEADERS,
        include_dirs=[*FOLDERS, numpy.get_include()],
        define_macros=[("NPY_NO_DEPRECATED_API", "NPY_2_0_API_VERSION")],
        optional=not os.environ.get("SKRBM_REQUIRE_COMPILED"),
    )
    for folder, (names, _) in FOLDERS.items()
    for name in names
]
if __name__ == "__main__":
    setup(
        ext_modules=extensions,
        cmdclass={"build_ext": BuildExtension},
        long_description=long_description(),
        long_description_content_type="text/markdown",
    )
