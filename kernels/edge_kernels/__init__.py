"""The numbers of Edge Seal: arrays in, arrays out.

Every kernel is a pair of plain functions, forward and backward. All of them keep the floating type they are
given, so that tests can check them in float64. Rows are tokens: `N` is the number of tokens of a trie.
"""
