"""Build the hot kernel from its own Python source, when a C compiler is there.

`optional=True` lets the install go on without a compiler; `cythonize()` drops that flag from the extensions
that it returns, so it is set on those.
"""

from Cython.Build import cythonize
from setuptools import Extension, setup

extensions = cythonize(
    [Extension("engine.kernel", ["engine/kernel.py"], extra_compile_args=["-O3"])],
    compiler_directives={"language_level": 3},
    build_dir="build",
)
for extension in extensions:
    extension.optional = True

setup(ext_modules=extensions)
