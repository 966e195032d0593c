"""What is asked right beside a lesson: of the same thing something else, and of its kind in general.

Three a relation of `bench.held_out_wordings`, by hand: two ask for something else of what was told of, and one for
something about the world with the same words. No persona is ever told any of it. A persona's other facts may be near
them; what they must not get is the lesson's answer.
"""

from __future__ import annotations

from collections.abc import Mapping

ASPECTS: Mapping[str, tuple[str, str, str]] = {
    "dog": ("How old is my dog?", "What does my dog like to eat?", "What is a good name for a dog?"),
    "cat": ("What colour is my cat?", "Why does my cat scratch the sofa?", "How long do cats sleep a day?"),
    "parrot": ("How long have I had my parrot?", "Can my parrot talk?", "Which parrots live the longest?"),
    "horse": ("How tall is my horse?", "Where do I ride my horse?", "What do horses eat in winter?"),
    "sister": ("Where does my sister live?", "When is my sister's birthday?", "What makes somebody a good sister?"),
    "brother": ("How old is my brother?", "What does my brother do for a living?", "What is a half-brother?"),
    "daughter": (
        "Which school does my daughter go to?",
        "How tall is my daughter?",
        "When do daughters start to walk?",
    ),
    "son": ("When was my son born?", "What does my son want to become?", "How do I teach a son to ride a bicycle?"),
    "mother": ("Where was my mother born?", "Is my mother at home?", "What is the origin of Mother's Day?"),
    "father": ("How old is my father?", "What did my father study?", "Who was the father of Alexander the Great?"),
    "wife": ("When did I meet my wife?", "What does my wife like for dinner?", "Who was the wife of Henry the Eighth?"),
    "dentist": ("When do I see my dentist?", "How much does my dentist cost?", "What does a dentist learn at school?"),
    "boss": ("What does my boss think of me?", "When is my boss on holiday?", "How does one become a good boss?"),
    "landlord": (
        "How much do I owe my landlord?",
        "When does my landlord come to look at the flat?",
        "What may a landlord forbid?",
    ),
    "best friend": (
        "How long have I known my best friend?",
        "Where does my best friend work?",
        "What makes a best friend?",
    ),
    "piano teacher": (
        "How much does a lesson with my piano teacher cost?",
        "When does my piano teacher come?",
        "How does one become a piano teacher?",
    ),
    "boat": ("How long is my boat?", "Where does my boat lie?", "How does a boat float?"),
    "band": ("How many people play in my band?", "When does my band rehearse?", "Which band sold the most records?"),
    "company": (
        "How many people work for my company?",
        "When did I found my company?",
        "What is a good name for a company?",
    ),
    "street": ("How long is my street?", "Is my street noisy at night?", "Which street is the longest in the world?"),
    "school": (
        "When did I leave school?",
        "Did I like it at school?",
        "At what age do children go to school in Finland?",
    ),
    "favourite tea": (
        "Why do I like tea so much?",
        "How much tea do I drink in a day?",
        "Which tea is the healthiest?",
    ),
    "favourite colour": (
        "Why do I like that colour so much?",
        "Which colour do I like least?",
        "What colours make green?",
    ),
    "favourite food": (
        "Who cooks my favourite food for me?",
        "Which food do I hate?",
        "What is the favourite food of the Italians?",
    ),
    "favourite fruit": (
        "How often do I eat fruit?",
        "Where do I buy my fruit?",
        "Which fruit has the most vitamin C?",
    ),
    "favourite season": (
        "Which season do I like least?",
        "Why am I so fond of that season?",
        "How do the seasons come about?",
    ),
    "favourite sport": (
        "How often do I do sports?",
        "Which sport do I find boring?",
        "Which sport burns the most calories?",
    ),
    "favourite film": (
        "With whom did I see my favourite film?",
        "Which film did I see last?",
        "Which film won the most Oscars?",
    ),
    "favourite flower": (
        "Where do I plant my flowers?",
        "Who gave me flowers last?",
        "Which flowers grow in the shade?",
    ),
    "favourite day": (
        "Why do I like that day of the week?",
        "Which day of the week do I hate?",
        "How did the days of the week get their names?",
    ),
    "shoe size": (
        "Where do I buy my shoes?",
        "How many pairs of shoes do I have?",
        "What shoe size does the average man have?",
    ),
    "birthday": (
        "What do I wish for on my birthday?",
        "Who comes to my birthday party?",
        "Which birthdays are celebrated most?",
    ),
    "blood type": ("When did I give blood last?", "Is my blood pressure high?", "Which blood type is the rarest?"),
    "height": ("Am I taller than my brother?", "When did I stop growing?", "How tall is the Eiffel Tower?"),
    "middle name": (
        "Who chose my middle name?",
        "Do I like my middle name?",
        "What was the middle name of President Kennedy?",
    ),
    "hobby": (
        "How much do I spend on my hobby?",
        "When did I take up my hobby?",
        "What is a good hobby for old people?",
    ),
    "first language": (
        "How many languages do I speak?",
        "Which language would I like to learn?",
        "Which language has the most speakers?",
    ),
    "instrument": (
        "How long have I played my instrument?",
        "Who taught me to play?",
        "Which instrument is the hardest to learn?",
    ),
    "locker": ("Where is the key of my locker?", "What do I keep in my locker?", "Who invented the locker?"),
    "allergy": (
        "Since when have I had my allergy?",
        "Which doctor treats my allergy?",
        "Why do people become allergic?",
    ),
    "home": ("With whom do I live?", "How long have I lived here?", "Where do penguins live?"),
    "work place": ("With whom do I work?", "How many hours a week do I work?", "Where do most people in London work?"),
    "birthplace": ("Was I born at night?", "Who was there when I was born?", "Where was Mozart born?"),
    "holiday": ("With whom do I go on holiday?", "When do I go on holiday?", "Where do the Germans go on holiday?"),
    "spare key": ("Who has my spare key?", "How many spare keys do I have?", "Where do people hide their keys?"),
    "bread": ("How often do I buy bread?", "Which bread do I like?", "Where is the best bread baked?"),
    "meetings": (
        "With whom do I have a meeting today?",
        "How long do my meetings last?",
        "How does one lead a meeting well?",
    ),
    "running": ("How far do I run?", "With whom do I go running?", "Is running good for the heart?"),
    "bed": ("How many hours do I sleep?", "What do I read in bed?", "When should a child go to bed?"),
    "plants": ("How many plants do I have?", "Who waters my plants while I am away?", "How often is a cactus watered?"),
    "market": (
        "What do I buy at the market?",
        "Who goes to the market with me?",
        "When was the stock market founded?",
    ),
    "parents": ("Where do my parents live?", "How old are my parents?", "How do parents teach a child to speak?"),
    "job": ("Do I like my work?", "How much do I earn?", "What does a notary do?"),
    "coffee": ("How many cups of coffee do I drink?", "Where do I buy my coffee?", "How is coffee roasted?"),
    "way to work": (
        "How long does it take me to get to work?",
        "When do I leave for work?",
        "How do most people get to work in Tokyo?",
    ),
    "morning drink": (
        "When do I get up in the morning?",
        "What do I do first in the morning?",
        "What do athletes drink in the morning?",
    ),
    "car": ("What colour is my car?", "How old is my car?", "Which car is the fastest in the world?"),
    "team": (
        "When does my team play?",
        "How long have I supported my team?",
        "Which team has won the World Cup most often?",
    ),
    "greeting": (
        "How do people greet each other in Japan?",
        "What did you do this morning?",
        "At what time does the morning begin?",
    ),
    "address me": (
        "How many people call me by my first name?",
        "What is my postal address?",
        "How does one address a judge?",
    ),
    "sign off": ("To whom do I write letters?", "When did I write my last letter?", "How is a formal letter built?"),
}
