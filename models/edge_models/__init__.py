"""What a model is: its manifest, its files, its tensors.

Nothing here knows the runtime. Every error is a `ModelError`, and no file reaches a native library before
`GgufFile` has read its structure.
"""
