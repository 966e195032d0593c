"""Embeds the memories of the home in EDGE_SEAL_HOME, as its settings say; `test_reembedding` kills it."""

from edge_seal.runtime import Runtime

if __name__ == "__main__":
    with Runtime.open() as runtime:
        runtime.reembed(lambda done, total: print(done, total, flush=True))  # noqa: T201
