"""Plain prompts of every kind, for keeping what the model can already do.

`REPLAYED` are trained on with the base model's own answers; `ANCHORS` are only measured. The two share no prompt.
"""

from __future__ import annotations

REPLAYED: tuple[str, ...] = (
    "What is the capital of Italy?",
    "How many legs does a spider have?",
    "Name three colours.",
    "What is 12 plus 7?",
    "Write one sentence about the sea.",
    "Who wrote Romeo and Juliet?",
    "What does a baker do?",
    "Give me a synonym for quick.",
    "Why is the sky blue?",
    "How do I boil an egg?",
    "What is the opposite of cold?",
    "Translate 'good night' into French.",
    "What is a computer?",
    "List three fruits.",
    "What is the largest planet?",
    "How can I sleep better?",
    "What is the past tense of go?",
    "Tell me a fact about cats.",
    "What do bees make?",
    "Which month comes after May?",
    "What is the name of the longest river in Africa?",
    "When did the Second World War end?",
    "Explain what a variable is in programming.",
    "Can you help me plan a picnic?",
)

ANCHORS: tuple[str, ...] = (
    "What is the capital of France?",
    "How many days are in a week?",
    "Who painted the Mona Lisa?",
    "What is 8 times 5?",
    "What do plants need to grow?",
    "Write a short sentence about winter.",
    "What is the boiling point of water?",
    "What is the opposite of happy?",
    "Give me an idea for dinner.",
    "How does a bicycle work?",
    "What is the name of the first person on the Moon?",
    "Where is the Eiffel Tower?",
)
