"""A small labelled set: what a person told their assistant, what they ask, and which memories bear on it.

Two halves about two people. The threshold of recall was chosen on the first and is reported on the second.
`general` questions need no memory at all; `untold` ones ask about the person what was never told, so that the nearest
memory is close and still no answer.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Half:
    """`told` maps each question to the numbers of the memories that answer it."""

    memories: tuple[str, ...]
    told: tuple[tuple[str, frozenset[int]], ...]
    untold: tuple[str, ...]
    general: tuple[str, ...]


def _told(*pairs: tuple[str, int] | tuple[str, int, int]) -> tuple[tuple[str, frozenset[int]], ...]:
    return tuple((question, frozenset(numbers)) for question, *numbers in pairs)


CHOSEN_ON = Half(
    memories=(
        "My dog is called Biscuit and he is a brown spaniel.",
        "I work as a nurse at the children's hospital in Leeds.",
        "My sister Ines lives in Porto with her two sons.",
        "I am allergic to peanuts and carry an injector.",
        "Meetings on Fridays should never start before ten.",
        "I prefer answers as short bullet lists.",
        "The spare key is in the blue flowerpot behind the shed.",
        "My car is a grey Skoda Fabia, registration KX19 VBN.",
        "Invoice ACME-4711 was paid on the third of March.",
        "I take my coffee black with no sugar.",
        "Our wedding anniversary is on the 14th of September.",
        "My daughter Freya plays the cello in the school orchestra.",
        "The boiler was last serviced in November by Hallam Heating.",
        "I am learning Portuguese and practise twenty minutes every evening.",
        "My doctor is Dr. Okafor at the Elmwood surgery.",
        "I run ten kilometres along the canal every Sunday morning.",
        "The book club meets on the first Tuesday of the month at Nadia's house.",
        "My laptop's serial number is PF-2QX81.",
        "I vote for a window seat on trains, facing forward.",
        "We are saving for a holiday in Iceland next summer.",
    ),
    told=_told(
        ("What is my dog's name?", 0),
        ("Which breed is Biscuit?", 0),
        ("Where do I work?", 1),
        ("What is my job?", 1),
        ("Which city does my sister live in?", 2),
        ("Does Ines have children?", 2),
        ("Is there any food I must avoid?", 3),
        ("Can you suggest a snack that is safe with my allergy?", 3),
        ("When can I schedule a meeting on Friday?", 4),
        ("How do I like answers to be formatted?", 5),
        ("Where did I hide the spare key?", 6),
        ("What car do I drive?", 7),
        ("What is my number plate?", 7),
        ("Has ACME-4711 been settled?", 8),
        ("How do I drink my coffee?", 9),
        ("When is my wedding anniversary?", 10),
        ("Which instrument does Freya play?", 11),
        ("Who serviced the boiler?", 12),
        ("Which language am I studying?", 13),
        ("What is the name of my doctor?", 14),
        ("How far do I run on Sundays?", 15),
        ("Where does the book club meet?", 16),
        ("Tell me the serial number of my laptop.", 17),
        ("Which seat should you book for me on the train?", 18),
        ("Where are we going on holiday?", 19),
        ("Plan my Friday morning.", 4),
    ),
    untold=(
        "What is my cat's name?",
        "Where does my brother live?",
        "How old is my mother?",
        "What is my favourite film?",
        "What is the code of my bank card?",
        "Which shoe size do I wear?",
    ),
    general=(
        "What is the capital of France?",
        "Write a poem about the sea.",
        "How many legs does a spider have?",
        "Explain how photosynthesis works.",
        "Translate 'good morning' into Japanese.",
        "What is 17 times 23?",
        "Who painted the Mona Lisa?",
        "Write a Python function that reverses a list.",
        "What is the boiling point of water?",
        "Summarise the plot of Hamlet.",
        "Why is the sky blue?",
        "Give me three synonyms for happy.",
        "How do I centre a div in CSS?",
        "Hello!",
        "Thanks, that helps.",
        "What year did the Second World War end?",
    ),
)

REPORTED_ON = Half(
    memories=(
        "My cat Marzipan needs her tablet every morning at seven.",
        "I teach physics at Rosenhof secondary school.",
        "My brother Tomasz is a carpenter in Gdansk.",
        "I do not eat meat or fish.",
        "Never call me before nine, I work late.",
        "Write my emails in a friendly tone and sign them with 'Best, Ola'.",
        "The wifi at the cabin is called pinecone and the password is larch-otter-9.",
        "I drive an electric Renault Zoe and charge it at night.",
        "Ticket HELP-2093 is about the broken projector in room 12.",
        "I drink green tea in the afternoon and never coffee.",
        "My husband Jakob's birthday is on the 2nd of February.",
        "Our son Leon has swimming lessons on Wednesdays at four.",
        "The roof was repaired in spring and has a ten year guarantee.",
        "I am training for the Berlin marathon.",
        "My dentist is Dr. Vogel on Lindenstrasse.",
        "The recycling is collected every second Thursday.",
        "My mother's phone number ends in 4482.",
        "I am building a bookshelf out of oak for the living room.",
        "Prices should always be given in euros, not in dollars.",
        "We rent our flat from Mrs. Brandt; the contract ends in June 2027.",
    ),
    told=_told(
        ("When does Marzipan get her medicine?", 0),
        ("What is the name of my cat?", 0),
        ("What subject do I teach?", 1),
        ("Which school am I at?", 1),
        ("What does my brother do for a living?", 2),
        ("Where does Tomasz live?", 2),
        ("Suggest a dinner that fits my diet.", 3),
        ("Am I a vegetarian?", 3),
        ("How early may someone phone me?", 4),
        ("How should you sign my emails?", 5),
        ("What is the wifi password at the cabin?", 6),
        ("What kind of car do I have?", 7),
        ("What was HELP-2093 about?", 8),
        ("What do I drink in the afternoon?", 9),
        ("When is Jakob's birthday?", 10),
        ("On which day does Leon swim?", 11),
        ("Is the roof still under guarantee?", 12),
        ("Which race am I preparing for?", 13),
        ("Who is my dentist?", 14),
        ("When is the recycling picked up?", 15),
        ("What are the last digits of my mother's number?", 16),
        ("What am I making for the living room?", 17),
        ("Which currency do I want prices in?", 18),
        ("Who is our landlady?", 19),
        ("When does our rental contract end?", 19),
    ),
    untold=(
        "What is my dog's name?",
        "Where does my sister live?",
        "How old is my father?",
        "Which football club do I support?",
        "What is my blood group?",
        "What is my email address?",
    ),
    general=(
        "What is the capital of Australia?",
        "Write a haiku about autumn.",
        "How many bones are in the human body?",
        "Explain how a combustion engine works.",
        "Translate 'thank you' into Spanish.",
        "What is the square root of 144?",
        "Who wrote Pride and Prejudice?",
        "Write a SQL query that counts rows.",
        "At what temperature does gold melt?",
        "What is the plot of The Odyssey?",
        "Why do leaves change colour?",
        "Give me an antonym of generous.",
        "How do I undo the last git commit?",
        "Good evening!",
        "Okay, never mind.",
        "When did the Berlin Wall fall?",
    ),
)
