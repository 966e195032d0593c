"""Fifty facts that are stated, changed and asked for, in the words of different people on purpose.

Each line: what was said first, what was said later, a question of the present, a question of the past, a word of the
former value, a word of the newer one.
"""

from __future__ import annotations

from typing import Final, NamedTuple


class Change(NamedTuple):
    """One fact that changed."""

    first: str
    later: str
    question: str
    past: str
    former: str
    newer: str


CHANGES: Final = tuple(
    Change(*line)
    for line in (
        ("I live in Turku.", "I moved to Oulu.", "Where do I live?", "Where did I live before?", "Turku", "Oulu"),
        ("I work at Nokia.", "I joined Vaisala last week.", "Which company do I work for?", "Where did I work previously?", "Nokia", "Vaisala"),
        ("I'm a nurse.", "I got promoted to nursing manager.", "What is my job title?", "What was my job title before?", "a nurse", "manager"),
        ("Call me Sam.", "I go by Samuel now.", "What should you call me?", "What nickname did I use before?", "Call me Sam.", "Samuel"),
        ("My surname is Virtanen.", "My last name is now Korhonen.", "What is my last name?", "What was my last name before?", "Virtanen", "Korhonen"),
        ("My girlfriend is Lena.", "I'm married to Berta.", "Who is my wife?", "Who was my partner before?", "Lena", "Berta"),
        ("I am single.", "I got engaged!", "Am I engaged?", "What was my marital status before?", "single", "engaged"),
        ("My favourite colour is green.", "My favorite color is blue these days.", "What is my favourite colour?", "What was my favourite colour before?", "green", "blue"),
        ("My favourite food is lasagne.", "Ramen is my new favourite food.", "What is my favourite food?", "What used to be my favourite food?", "lasagne", "Ramen"),
        ("My favourite book is Dune.", "My favourite book is Middlemarch.", "What's my favourite book?", "Which book was my favourite before?", "Dune", "Middlemarch"),
        ("I'm vegetarian.", "I went vegan.", "What diet do I follow?", "What diet did I follow before?", "vegetarian", "vegan"),
        ("My phone is a Pixel 6.", "I bought an iPhone 15.", "Which phone do I have?", "Which phone did I have before?", "Pixel", "iPhone"),
        ("I use a ThinkPad.", "I switched to a MacBook Air.", "Which laptop do I use?", "Which laptop did I use before?", "ThinkPad", "MacBook"),
        ("I drive a grey Skoda Fabia.", "I now drive a Volvo V60.", "What car do I drive?", "What car did I drive before?", "Skoda", "Volvo"),
        ("My phone number is 555 1234.", "My new phone number is 555 9876.", "What is my phone number?", "What was my old phone number?", "1234", "9876"),
        ("My email address is kit@example.org.", "I changed my email address to kit@example.net.", "What is my email address?", "What was my previous email address?", "example.org", "example.net"),
        ("My time zone is UTC+2.", "I'm in the Tokyo time zone.", "Which time zone am I in?", "Which time zone was I in before?", "UTC+2", "Tokyo"),
        ("I study physics at the University of Bergen.", "I switched my major to economics.", "What do I study?", "What did I study before?", "physics", "economics"),
        ("I never take meetings on Fridays.", "I can take meetings on Fridays now.", "Can I take meetings on Fridays?", "Did I take meetings on Fridays before?", "never", "can take"),
        ("I prefer meetings in the morning.", "I prefer meetings after lunch.", "When do I like to have meetings?", "When did I like to have meetings before?", "morning", "lunch"),
        ("I wake up at six.", "I get up at half past seven.", "When do I get up?", "When did I use to wake up?", "six", "seven"),
        ("I go to bed at ten.", "I go to sleep around midnight.", "When do I go to bed?", "When did I go to bed before?", "ten", "midnight"),
        ("I commute by train.", "I cycle to work these days.", "How do I get to work?", "How did I commute before?", "train", "cycle"),
        ("I go to the gym on Mondays.", "I go to the gym on Thursdays now.", "On which day do I go to the gym?", "On which day did I go to the gym before?", "Mondays", "Thursdays"),
        ("I prefer tea to coffee.", "I prefer coffee over tea.", "Do I prefer tea or coffee?", "Did I prefer tea or coffee before?", "tea to coffee", "coffee over tea"),
        ("I prefer window seats.", "I prefer aisle seats.", "Which seats do I prefer?", "Which seats did I prefer before?", "window", "aisle"),
        ("I take my coffee black.", "I take my coffee with oat milk.", "How do I take my coffee?", "How did I take my coffee before?", "black", "oat"),
        ("I love jazz.", "I can't stand jazz.", "Do I like jazz?", "Did I like jazz before?", "love", "stand"),
        ("I play tennis on Wednesdays.", "I no longer play tennis.", "Do I play tennis?", "Did I use to play tennis?", "Wednesdays", "no longer"),
        ("I smoke.", "I quit smoking.", "Do I smoke?", "Did I smoke before?", "I smoke", "quit"),
        ("My boss is Lars.", "Priya is my new manager.", "Who is my manager?", "Who was my boss before?", "Lars", "Priya"),
        ("My doctor is Dr. Okafor.", "My doctor is now Dr. Weiss.", "Who is my doctor?", "Who was my doctor before?", "Okafor", "Weiss"),
        ("My landlord is Mr. Brandt.", "My new landlord is Mrs. Silva.", "Who is my landlord?", "Who was my former landlord?", "Brandt", "Silva"),
        ("My sister lives in Porto.", "My sister moved to Madrid.", "Where does my sister live?", "Where did my sister live before?", "Porto", "Madrid"),
        ("My brother works at Siemens.", "My brother started at Bosch.", "Where does my brother work?", "Where did my brother work before?", "Siemens", "Bosch"),
        ("My daughter is 7 years old.", "My daughter turned 8 years old.", "How old is my daughter?", "How old was my daughter before?", "7", "8"),
        ("My son studies law.", "My son is studying medicine.", "What does my son study?", "What did my son study before?", "law", "medicine"),
        ("My mother's phone number is 040 111.", "My mother's phone number is 040 222.", "What is my mother's phone number?", "What was my mother's old phone number?", "111", "222"),
        ("My dog's name is Rex.", "I renamed my dog Bella.", "What is my dog called?", "What was my dog called before?", "Rex", "Bella"),
        ("My wifi network is called pinecone.", "My wifi network is called larch.", "What is my wifi network called?", "What was my wifi network called before?", "pinecone", "larch"),
        ("My bank is Nordea.", "I changed my bank to Revolut.", "Which bank do I use?", "Which bank did I use before?", "Nordea", "Revolut"),
        ("My insurance is with Pohjola.", "My insurance is with Allianz now.", "Who is my insurance with?", "Who was my insurance with before?", "Pohjola", "Allianz"),
        ("My gym is Elixia.", "My new gym is Crossbox.", "Which gym do I go to?", "Which gym did I use to go to?", "Elixia", "Crossbox"),
        ("My code editor is Vim.", "I switched from Vim to Helix.", "Which editor do I use?", "Which code editor did I use before?", "editor is Vim", "Helix"),
        ("My browser is Firefox.", "My default browser is Vivaldi; my browser changed to Vivaldi.", "Which browser do I use?", "Which browser did I use before?", "Firefox", "Vivaldi"),
        ("My shoe size is 42.", "My shoe size is 43.", "What is my shoe size?", "What was my shoe size before?", "42", "43"),
        ("My hobby is knitting.", "My hobby is pottery.", "What is my hobby?", "What was my hobby before?", "knitting", "pottery"),
        ("My desk is on the third floor.", "My desk is on the fifth floor.", "On which floor is my desk?", "On which floor was my desk before?", "third", "fifth"),
        ("My team is Platform.", "My team changed to Search.", "Which team am I in?", "Which team was I in before?", "Platform", "Search"),
        ("My birthday party is in the garden.", "My birthday party is in the town hall.", "Where is my birthday party?", "Where was my birthday party planned before?", "garden", "hall"),
    )
)  # fmt: skip
