"""Grade submissions: the verdict is reached outside the student's process.

1. `transplant` reads from a submission only the code of its answer cells, by cell name, and puts it
   into the pristine exercise notebook. Tags, outputs, added cells, changed checks: all gone.
2. `judge` runs the solution with the grading seed in a kernel of its own; what its checks show
   becomes the reference.
3. `runner`, a separate process for each submission, runs pytest with nbval on the merged notebook.
   nbval executes the cells in one more process, the kernel, and compares what the checks show with
   the reference. `plugin` scores by name and points in the cells' metadata; `rules` makes the role
   of a cell decide what nbval does with it, where nbval would listen to comments and tags.
4. `batch` does this for each submission in turn, stores each result, and goes on where it stopped.
   `report` and `feedback` write what people read.

A check's asserts explain; they are never evidence. Whatever an answer does to its own process
(replaces `show`, `print`, `showtraceback`, an assert function; drops asserts by an AST transformer;
rewrites check cells by an input transformer), the check must show, for inputs drawn from a seed
that is fresh at each grading, the numbers that the solution shows. Who shows them, computed them.

What is kept from a student's code: the kernel starts in an empty folder with a bare environment;
the merged notebook has a random name and is deleted before the kernel starts; the runner's
arguments and environment name neither it nor the submission, and on Linux its memory cannot be read
by others than root; the seed is new for each output folder.

What is not, until the kernel runs in a sandbox:

* the code runs as the user who grades: it can read every file of that user, `solutions/` in the
  course's folder (found through `coursetools.__file__`), earlier submissions and reports, and can
  write there, too;
* it can send signals to the runner and to the batch (a killed runner is noticed and costs the
  submission its points; a killed batch goes on when started again), or leave processes that have
  detached themselves;
* memory, processes and network are not limited; time and output are.

So grade only people whom you would let use your account, or use a throw-away machine or container.
"""
