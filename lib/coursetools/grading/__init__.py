"""Grade submissions: the verdict is reached outside the student's process, which is in a sandbox.

1. `submissions` finds files; `transplant` reads from each only the code of its answer cells, by
   cell name, and puts it into the pristine exercise notebook. Tags, outputs, added cells, changed
   checks: all gone.
2. `judge.Exercise` runs the solution with the grading seed in a trusted kernel; what its checks
   show becomes the reference.
3. A `crew` gives each merged notebook to a `judge.Judge`, of this process or of Dask's workers
   (`cluster`). A judge keeps a `runner`, a process that has imported pytest and nbval and is copied
   for each notebook. nbval runs the cells in one more process, the kernel, and compares what the
   checks show with the reference (`compare`). `plugin` scores by name and points in the cells'
   metadata; `rules` makes the role of a cell decide what nbval does with it.
4. The kernel is born in the `sandbox`: a copy of a process inside bubblewrap that has imported what
   the notebooks need, in a world of its own. `kernel` and `sandbox.guard` watch it from outside.
5. `batch` stores each result in the `journal` as soon as it is known, and goes on where it stopped.
   `people` writes what people read: tables, feedback, and the summary of the class.

A check's asserts explain; they are never evidence. Whatever an answer does to its own process
(replaces `show`, `print`, `showtraceback`, an assert function; drops asserts by an AST transformer;
rewrites check cells by an input transformer), the check must show, for inputs drawn from a seed
that is fresh at each grading, the numbers that the solution shows. Who shows them, computed them.

What the sandbox keeps from a student's code, and what it does not, is on the page "Grading a
class" of the book, with the attacks that hold it to its word (`tests/grading/attacks`).
"""
