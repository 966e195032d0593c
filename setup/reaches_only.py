"""An import contract: a module and all below it reach the named modules and the standard library, nothing else.

import-linter's own `forbidden` contract needs a list of everything else, which the next new module would not be in.
"""

from __future__ import annotations

import sys
from typing import cast

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output
from importlinter.domain.imports import Module


class ReachesOnly(Contract):
    """`source` and what lies in it import, themselves or through others, only `allowed` and the standard library."""

    type_name = "reaches_only"

    source = fields.ModuleField()
    allowed = fields.ListField(subfield=fields.ModuleField(), required=False)

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:  # noqa: ARG002, FBT001 - the base class's form
        source = cast("Module", self.source).name
        allowed = {module.name for module in cast("list[Module]", self.allowed)}
        inside = {source} | graph.find_descendants(source)  # raises where `source` is no more
        reached: set[str] = set[str]().union(*(graph.find_upstream_modules(module) for module in inside))
        outside = sorted(name for name in reached - inside - allowed if not _holds_nothing_of_ours(name, source))
        return ContractCheck(kept=not outside, metadata={"broken": [f"{source} reaches {name}" for name in outside]})

    def render_broken_contract(self, check: ContractCheck) -> None:
        for line in cast("list[str]", check.metadata["broken"]):
            output.print_error(line)


def _holds_nothing_of_ours(name: str, source: str) -> bool:
    """Whether `name` is the standard library's, or the empty package that `source` lies in."""
    return name.partition(".")[0] in sys.stdlib_module_names or source.startswith(f"{name}.")
