"""What an offline compilation writes: the playbook directory, and beside it the stages on the way to it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from undercloud.diagnostics import UndercloudError
from undercloud.hot.stack import ResourceNode
from undercloud.plan.collecting import uncollected
from undercloud.plan.secrets import masked
from undercloud.plan.tree import Tree
from undercloud.playbooks.compiler import Compilation, Contract
from undercloud.playbooks.native import state_text

CONFIG_DOWNLOAD = "config-download"


def files(compilation: Compilation) -> dict[str, tuple[bytes, int]]:
    """All files by path, each with its content and mode.

    ``config-download/`` is the playbook directory; ``rendered/`` the templates that Jinja2 made;
    ``stack.json`` the evaluated stack; ``state.json`` what the next compilation starts from (with secrets);
    ``plan.json`` what went in. Of our own contract there are ``desired_state.json`` (all hosts) and the
    directory's ``secrets.json`` too, and secrets are masked elsewhere; TripleO's has them in the clear, in
    the stack's outputs as in the directory. Raises UndercloudError where the compilation has errors.
    """
    compilation.raise_for_errors()
    with uncollected():
        return _files(compilation)


def _files(compilation: Compilation) -> dict[str, tuple[bytes, int]]:
    found: dict[str, tuple[bytes, int]] = {
        f"{CONFIG_DOWNLOAD}/{path}": (file.text.encode(), 0o700 if file.executable else 0o600)
        for path, file in compilation.files.items()
    }
    native = compilation.contract is Contract.NATIVE
    texts = {
        "plan.json": _json(_plan(compilation)),
        "stack.json": _json(_stack(compilation, clear=not native)),
        "state.json": compilation.state.to_json(),
    }
    if native:
        texts[f"{CONFIG_DOWNLOAD}/secrets.json"] = _json(dict(compilation.secrets))
        texts["desired_state.json"] = state_text(compilation.desired)
    texts |= {f"rendered/{path}": text for path, text in _rendered(compilation.plan.tree)}
    return found | {path: (text.encode(), 0o600) for path, text in texts.items()}


def _rendered(tree: Tree) -> Iterator[tuple[str, str]]:
    for path in tree:
        try:
            source = tree[path]
        except UndercloudError:
            continue  # not a text, so not rendered
        if source.template:
            yield path, source.text


def _json(value: Any) -> str:
    return json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False, default=str) + "\n"


def _plan(compilation: Compilation) -> dict[str, Any]:
    plan = compilation.plan
    return {
        "version": 1,
        "name": plan.name,
        "contract": compilation.contract.value,
        "root": plan.root,
        "digest": plan.digest,
        "roles": [role.name for role in plan.roles],
        "networks": [network.name_lower for network in plan.networks],
        "sources": dict(plan.sources),
    }


def _stack(compilation: Compilation, *, clear: bool) -> dict[str, Any]:
    stack = compilation.stack
    outputs = dict(stack.outputs)
    return {
        "name": stack.name,
        "parameters": masked(dict(stack.parameters)),
        "outputs": outputs if clear else masked(outputs),
        "resources": _resources(stack.resources()),
    }


def _resources(nodes: Mapping[str, ResourceNode]) -> dict[str, Any]:
    found = {}
    for name, node in nodes.items():
        entry: dict[str, Any] = {"type": node.type}
        if node.template:
            entry["template"] = node.template
        if node.children:
            entry["resources"] = _resources(node.children)
        found[name] = entry
    return found
