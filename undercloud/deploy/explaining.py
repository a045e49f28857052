"""What a name means in a plan that the engine keeps: nothing is kept, nothing secret leaves."""

from __future__ import annotations

from undercloud.db.database import Database
from undercloud.deploy import comparing
from undercloud.deploy.compiling import Compiler
from undercloud.deploy.engine import Explained
from undercloud.deploy.requests import PlanRef
from undercloud.validation.explain.explain import explain
from undercloud.validation.explain.text import Renderer, document, warning


def explained(
    database: Database, compiler: Compiler, wanted: PlanRef, name: str, *, effects: bool, everything: bool
) -> Explained:
    """Everything that a name means; without ``effects`` what a parameter leads to is not looked for.

    The text names all effects where ``everything`` is asked for. Raises as ``comparing.compiled`` and
    ``explain``.
    """
    _, made = comparing.compiled(database, compiler, wanted)
    answers = explain(made, name, with_effects=effects)
    text = Renderer((made.plan.bundle.root,), all_effects=everything).render(answers) + warning(made.errors)
    return Explained(text, document(name, answers, made.errors))
