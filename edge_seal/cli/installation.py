"""`doctor` and `config`: the installation itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from edge_seal.cli.output import json_option, note, opened, print_json, say, wants_json

if TYPE_CHECKING:
    from edge_seal.memory.reembedding import EmbedderState


@click.command()
@click.option("--rebuild", is_flag=True, help="First make word indexes, sign bits and damaged vectors anew.")
@json_option
def doctor(rebuild: bool) -> None:
    """Check this installation: versions, models by their hashes, SQLite, the speed of arithmetic, disk, audit trail.

    Exit code 1 where something needs you, 5 where stored bytes are not what they should be.
    """
    if rebuild:
        note(f"indexes made anew; {opened().rebuild()} vectors were damaged")
    found = opened().doctor()
    if wants_json():
        print_json(
            {
                "python": found.python,
                "platform": found.platform,
                "versions": found.versions,
                "llama_cpp": found.llama_cpp,
                "engine": found.engine,
                "training": found.training,
                "sqlite": found.sqlite,
                "blas": found.blas,
                "gemm_gflops": round(found.gemm_gflops, 1),
                "home": found.home,
                "profile": found.profile,
                "encryption": found.encryption,
                "backups": found.backups,
                "free_disk_bytes": found.free_disk_bytes,
                "models": found.models,
                "ledger": {"seq": found.ledger_seq, "head": found.ledger_head},
                "active_update": found.active_update,
                "embedder": _embedder(found.embedder),
                "problems": found.problems,
                "notices": found.notices,
            }
        )
    else:
        say(f"python      {found.python}")
        say(f"platform    {found.platform}")
        say(f"packages    {', '.join(f'{name} {version}' for name, version in found.versions.items())}")
        say(f"llama.cpp   {found.llama_cpp}")
        say(f"engine      {found.engine}; training: {found.training}")
        say(f"sqlite      {', '.join(f'{name} {words}' for name, words in found.sqlite.items())}")
        libraries = ", ".join(f"{item.name} {item.version}, {item.threads} threads" for item in found.blas)
        say(f"arithmetic  {found.gemm_gflops:.0f} GFLOP/s ({libraries or 'no BLAS'})")
        for place, path in found.home.items():
            say(f"{place:<11} {path}")
        say(f"profile     {found.profile}")
        say(f"encryption  {found.encryption}")
        say(f"backups     {found.backups}")
        say(f"free disk   {found.free_disk_bytes / 2**30:.1f} GiB")
        for model in found.models:
            for file in model.files:
                say(f"model       {model.name}: {file.name} {file.state} {file.sha256 or ''}")
        say(f"audit head  {found.ledger_seq} {found.ledger_head}")
        say(f"answers     {found.active_update or 'the base model'}")
        if found.embedder is not None:
            _say_embedder(found.embedder)
    for text in found.notices:
        note(f"notice: {text}")
    for problem in found.problems:
        note(f"problem: {problem.message}" + (f"; next: {problem.next_step}" if problem.next_step else ""))
    if found.exit_code:
        raise click.exceptions.Exit(found.exit_code)
    note("no problem was found")


def _embedder(state: EmbedderState | None) -> dict[str, object] | None:
    if state is None:
        return None
    told: dict[str, object] = {
        "name": state.name,
        "kind": state.kind,
        "text_leaves_process": state.sends_to is not None,
        "sends_to": state.sends_to,
        "dimension": state.dimension,
        "memories": state.memories,
        "missing": state.missing,
        "former_vectors": state.former,
        "works": state.dimension is not None and state.problem is None,
    }
    return told


def _say_embedder(state: EmbedderState) -> None:
    where = "texts stay in this process"
    if state.sends_to is not None:
        where = f"TEXT LEAVES THIS PROCESS: every question and memory is sent to {state.sends_to}"
    say(f"embedder    {state.name}; {where}")
    waiting = f"; {state.former} vectors of former embedders wait to be removed" if state.former else ""
    say(f"embedded    {state.memories - state.missing} of {state.memories} memories{waiting}")


@click.group()
def config() -> None:
    """Where settings lie and what they say."""


@config.command()
@json_option
def path() -> None:
    """The path of config.toml; it may not exist yet."""
    home = opened().home
    file = home.config_file
    if wants_json():
        print_json({"path": file, "exists": file.exists(), "profile": home.profile})
    else:
        say(str(file))


@config.command("show")
@json_option
def show() -> None:
    """Every setting with its value, defaults included, as TOML."""
    settings = opened().settings
    if wants_json():
        print_json({"settings": settings.model_dump(mode="json")})
        return
    import tomlkit

    # TOML has no word for a setting that is not set.
    say(tomlkit.dumps(settings.model_dump(mode="json", exclude_none=True)).rstrip())
