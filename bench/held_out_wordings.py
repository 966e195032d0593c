"""What `bench.personas` may teach, and how it is asked for afterwards: by hand, apart from the trainer's grammar.

Every line of `RELATIONS` is a relation: how it is taught, how the answer begins, which list its values come from, four
wordings that no form of the trainer gives (two to choose a recipe by, two to report), and a question near it that no
persona is ever told. `tests/bench/test_personas.py` holds the trainer's grammar to that.
"""

from __future__ import annotations

from dataclasses import dataclass

TUNED_ON = 2
"""The first wordings of each relation are those that a recipe may be chosen by; reports use the rest."""


@dataclass(frozen=True, slots=True)
class Relation:
    """One thing that a persona may tell of itself.

    Attributes:
        key: its name in reports.
        kind: how it is asked: named, person, possessed, favourite, clause or other.
        question, answer: the lesson; `{v}` stands for the value.
        values: which list of `bench.personas` the value is drawn from.
        held_out: other wordings.
        neighbour: near, and never told.
    """

    key: str
    kind: str
    question: str
    answer: str
    values: str
    held_out: tuple[str, str, str, str]
    neighbour: str


def _named(key: str, values: str, verb: str, held_out: tuple[str, str, str, str], neighbour: str) -> Relation:
    return Relation(
        key, "named", f"What is my {key}'s name?", f"Your {key} is {verb} {{v}}.", values, held_out, neighbour
    )


RELATIONS: tuple[Relation, ...] = (
    # Animals
    _named(
        "dog", "pets", "called",
        ("Could you tell me what my dog is called?", "Which name does my dog answer to?",
         "I want to call my dog in. What do I shout?", "My dog needs a name tag. What goes on it?"),
        "What's my ferret called?",
    ),
    _named(
        "cat", "pets", "called",
        ("What name did I give my cat?", "My cat has a name, which is it?",
         "The vet asks for my cat's name. What do I say?", "How do I call my cat when she should come in?"),
        "And what is my tortoise called?",
    ),
    _named(
        "parrot", "pets", "called",
        ("By what name does my parrot go?", "My parrot, what is it called again?",
         "What name should I write on my parrot's cage?", "Can you recall how I named my parrot?"),
        "Do you know how my canary is called?",
    ),
    _named(
        "horse", "pets", "called",
        ("Could you give me my horse's name?", "What do we call my horse?",
         "Which horse is mine, by name?", "The stable wants to know the name of my horse."),
        "Could you tell me my donkey's name?",
    ),
    # People
    _named(
        "sister", "people", "called",
        ("Have I ever said how my sister is called?", "And my sister, what is she called?",
         "My sister is at the door. Which name do I call?", "I am writing a card to my sister. Dear who?"),
        "What is my niece's name?",
    ),
    _named(
        "brother", "people", "called",
        ("How is my brother named?", "What do people call my brother?",
         "Remind me how my brother is called.", "My brother's first name, please."),
        "What is my nephew's name?",
    ),
    _named(
        "daughter", "people", "called",
        ("What name has my daughter got?", "Could you say what my daughter is called?",
         "I have a daughter. Her name is?", "Which name did we choose for our daughter?"),
        "What's the name of my granddaughter?",
    ),
    _named(
        "son", "people", "called",
        ("I have a boy. What is my son called?", "Which name did I give my son?",
         "Can you tell me how my son is called?", "How did we name our son?"),
        "What is my godson called?",
    ),
    _named(
        "mother", "people", "called",
        ("What first name does my mother have?", "Could you tell me what my mother's called?",
         "My mum: what's her name?", "How is my mum called?"),
        "What is my grandmother's name?",
    ),
    _named(
        "father", "people", "called",
        ("What first name does my father have?", "And my father, how is he called?",
         "My dad: what's his name?", "What is my dad called?"),
        "What is my grandfather's name?",
    ),
    _named(
        "wife", "people", "called",
        ("Who am I married to?", "How is my wife called, do you recall?",
         "What's the name of the woman I married?", "My wife goes by which name?"),
        "What is my mother-in-law's name?",
    ),
    # People by what they do
    Relation(
        "dentist", "person", "Who is my dentist?", "Your dentist is {v}.", "doctors",
        ("Which dentist do I go to?", "Who looks after my teeth?",
         "My tooth hurts. Whom should I call?", "What is the name of the person who fixes my teeth?"),
        "Who is my lawyer?",
    ),
    Relation(
        "boss", "person", "Who is my boss?", "Your boss is {v}.", "full_names",
        ("Who do I report to?", "Which person is my boss?",
         "Whom do I have to ask for a day off?", "What's the name of my manager?"),
        "Who is my accountant?",
    ),
    Relation(
        "landlord", "person", "Who is my landlord?", "Your landlord is {v}.", "full_names",
        ("Who owns the flat I rent?", "To whom do I pay my rent?",
         "Whom do I call when the heating is broken? My landlord, but who is that?", "What is my landlord called?"),
        "Who is my cleaner?",
    ),
    Relation(
        "best friend", "person", "Who is my best friend?", "Your best friend is {v}.", "full_names",
        ("Which friend is the closest to me?", "Could you say who my best friend is?",
         "Of all my friends, who is number one?", "Name the best friend I have."),
        "Who is my godfather?",
    ),
    Relation(
        "piano teacher", "person", "Who is my piano teacher?", "Your piano teacher is {v}.", "full_names",
        ("Who teaches me the piano?", "With whom do I have piano lessons?",
         "Which teacher do I go to for the piano?", "I learn the piano. From whom?"),
        "Who is my driving instructor?",
    ),
    # Things with a name
    _named(
        "boat", "ships", "called",
        ("My boat has a name. Which one?", "How did I name my boat?",
         "What is written on the side of my boat?", "By what name is my boat known?"),
        "What is my tractor called?",
    ),
    _named(
        "band", "bands", "called",
        ("Under which name does my band play?", "My band goes by which name?",
         "What name is on our band's posters?", "The band I play in, what is it called?"),
        "What is my choir called?",
    ),
    _named(
        "company", "firms", "called",
        ("Which name does my company have?", "How is the firm called that I own?",
         "What name stands on my company's door?", "I founded a company. Which?"),
        "What is my bank called?",
    ),
    _named(
        "street", "streets", "called",
        ("Which street do I live in?", "In what street is my house?",
         "What street should the taxi bring me to?", "On which street would you find my home?"),
        "What is my bus stop called?",
    ),
    _named(
        "school", "schools", "called",
        ("Which school did I attend?", "At which school was I a pupil?",
         "What school did I go to as a child?", "How was the school called where I learned to read?"),
        "Which university did I go to?",
    ),
    # Favourites
    Relation(
        "favourite tea", "favourite", "What is my favourite tea?", "Your favourite tea is {v}.", "teas",
        ("Which sort of tea is my number one?", "What tea should you make for me?",
         "Name the tea that I enjoy the most.", "I would like a tea. You know which."),
        "What is my favourite biscuit?",
    ),
    Relation(
        "favourite colour", "favourite", "What is my favourite colour?", "Your favourite colour is {v}.", "colours",
        ("What is the best colour in my opinion?", "In which colour should I paint my room, to like it best?",
         "Of all colours, which one do I prefer?", "Which colour makes me happiest?"),
        "What is my favourite animal?",
    ),
    Relation(
        "favourite food", "favourite", "What is my favourite food?", "Your favourite food is {v}.", "dishes",
        ("What do I like to eat more than anything?", "Which dish is my number one?",
         "What should you cook to make me happy?", "Name the meal I enjoy the most."),
        "What is my favourite restaurant?",
    ),
    Relation(
        "favourite fruit", "favourite", "What is my favourite fruit?", "Your favourite fruit is {v}.", "fruits",
        ("Of all fruit, which one do I prefer?", "Which fruit should you buy for me?",
         "What fruit is the best one for me?", "Name the fruit I enjoy the most."),
        "What is my favourite vegetable?",
    ),
    Relation(
        "favourite season", "favourite", "What is my favourite season?", "Your favourite season is {v}.", "seasons",
        ("Which time of year do I like best?", "Of the four seasons, which is mine?",
         "When in the year am I happiest?", "Name the season I enjoy the most."),
        "What is my favourite holiday?",
    ),
    Relation(
        "favourite sport", "favourite", "What is my favourite sport?", "Your favourite sport is {v}.", "sports",
        ("Which sport do I enjoy the most?", "What sport is my number one?",
         "Which kind of sport makes me happiest?", "Of all sports, what do I prefer?"),
        "What is my favourite board game?",
    ),
    Relation(
        "favourite film", "favourite", "What is my favourite film?", "Your favourite film is {v}.", "films",
        ("Which film could I watch again and again?", "What film is the best one in my opinion?",
         "Which film is my number one?", "Name the film I enjoy the most."),
        "What is my favourite poem?",
    ),
    Relation(
        "favourite flower", "favourite", "What is my favourite flower?", "Your favourite flower is {v}.", "flowers",
        ("Which flowers should you give me?", "What flower do I prefer to all others?",
         "Which flower makes me happiest?", "Of all flowers, name the best one for me."),
        "What is my favourite tree?",
    ),
    Relation(
        "favourite day", "favourite", "What is my favourite day of the week?", "Your favourite day of the week is {v}.",
        "days",
        ("Which day of the week do I enjoy the most?", "What weekday is my number one?",
         "Of the seven days, which one makes me happiest?", "On which weekday am I in the best mood?"),
        "What is my favourite month?",
    ),
    # What one has or is
    Relation(
        "shoe size", "possessed", "What is my shoe size?", "Your shoe size is {v}.", "shoe_sizes",
        ("What size are my shoes?", "Which shoe size do I wear?",
         "I am buying boots. What size do I need?", "How big are my feet, in shoe sizes?"),
        "What is my hat size?",
    ),
    Relation(
        "birthday", "possessed", "When is my birthday?", "Your birthday is on {v}.", "dates",
        ("On which day was I born?", "What day do I celebrate my birthday?",
         "What is the date of my birthday?", "On what date do I become a year older?"),
        "When is my wedding anniversary?",
    ),
    Relation(
        "blood type", "possessed", "What is my blood type?", "Your blood type is {v}.", "blood_types",
        ("Which blood group do I have?", "What type of blood have I got?",
         "The nurse wants to know my blood type. What do I say?", "I give blood today. Of which type?"),
        "What is my cholesterol level?",
    ),
    Relation(
        "height", "possessed", "What is my height?", "Your height is {v} centimetres.", "heights",
        ("How tall am I?", "How many centimetres tall am I?",
         "From head to toe, how much do I measure?", "The form asks for my height. What do I put?"),
        "What is my weight?",
    ),
    Relation(
        "middle name", "possessed", "What is my middle name?", "Your middle name is {v}.", "people",
        ("Which name stands between my first and my last name?", "What second name did my parents give me?",
         "I have to fill in my middle name. Which is it?", "Besides my first name, what other given name have I got?"),
        "What is my nickname?",
    ),
    Relation(
        "hobby", "possessed", "What is my hobby?", "Your hobby is {v}.", "hobbies",
        ("What do I like to do in my free time?", "How do I spend my evenings for fun?",
         "Which pastime do I have?", "What is it that I do for fun?"),
        "What is my New Year's resolution?",
    ),
    Relation(
        "first language", "possessed", "What is my first language?", "Your first language is {v}.", "languages",
        ("Which language did I grow up with?", "What is my mother tongue?",
         "In which language did my parents raise me?", "What language do I speak at home since I was small?"),
        "What is my religion?",
    ),
    Relation(
        "instrument", "possessed", "What instrument do I play?", "You play the {v}.", "instruments",
        ("Which musical instrument can I play?", "What do I play in the orchestra?",
         "I make music. On what?", "On which instrument do I practise?"),
        "What chess opening do I play?",
    ),
    Relation(
        "locker", "possessed", "What is my locker number?", "Your locker number is {v}.", "numbers",
        ("Which locker is mine?", "What number does my locker have?",
         "I am at the lockers. Which one do I open?", "The number on my locker is what?"),
        "What is my seat number?",
    ),
    Relation(
        "allergy", "possessed", "What am I allergic to?", "You are allergic to {v}.", "allergens",
        ("Which food must you never give me?", "What allergy do I have?",
         "What makes me sneeze and itch?", "I fill in the form for the doctor. Which allergy do I put?"),
        "What am I afraid of?",
    ),
    # Where
    Relation(
        "home", "clause", "Where do I live?", "You live in {v}.", "towns",
        ("What town is my home in?", "In what place do I live?",
         "Where would you find my flat?", "Which town should my parcels go to?"),
        "Where does my aunt live?",
    ),
    Relation(
        "work place", "clause", "Where do I work?", "You work at {v}.", "work_places",
        ("At what place do I have my job?", "Where am I employed?",
         "Where do I go on a working day?", "Where can people reach me during office hours?"),
        "Where do I vote?",
    ),
    Relation(
        "birthplace", "clause", "Where was I born?", "You were born in {v}.", "towns",
        ("In which town did I come into the world?", "What is my birthplace?",
         "My passport names a place of birth. Which?", "Which town do I come from, by birth?"),
        "Where did I get married?",
    ),
    Relation(
        "holiday", "clause", "Where do I go on holiday?", "You go on holiday to {v}.", "regions",
        ("Where do I spend my holidays?", "To what place do I travel in summer?",
         "Where am I when I have time off?", "Which place do I always book for my holidays?"),
        "Where did I go on my honeymoon?",
    ),
    Relation(
        "spare key", "clause", "Where do I keep my spare key?", "You keep your spare key {v}.", "hiding_places",
        ("In what place is my spare key?", "I am locked out. Where did I put the second key?",
         "Where is the spare key hidden?", "My spare key lies where?"),
        "Where do I keep my umbrella?",
    ),
    Relation(
        "bread", "clause", "Where do I buy my bread?", "You buy your bread at {v}.", "shops",
        ("Which bakery do I go to?", "From whom do I get my bread?",
         "At what shop do I get my loaf?", "My bread comes from which shop?"),
        "Where do I buy my stamps?",
    ),
    # When
    Relation(
        "meetings", "clause", "When do I take meetings?", "You take meetings only after {v}.", "clock_times",
        ("I'd like to book a meeting with me. What time is fine?", "What hours are my meetings?",
         "From what time on may people meet me?", "How early may a meeting with me begin?"),
        "When do I have breakfast?",
    ),
    Relation(
        "running", "clause", "When do I go running?", "You go running at {v}.", "clock_times",
        ("What time is my run?", "At what hour do I go for a run?",
         "My running shoes go on at what time?", "When should I set the alarm for my run?"),
        "When do I brush my teeth?",
    ),
    Relation(
        "bed", "clause", "When do I go to bed?", "You go to bed at {v}.", "clock_times",
        ("What is my bedtime?", "At what hour do I fall asleep?",
         "How late do I stay up?", "What time do I turn off the light at night?"),
        "When do I take my medicine?",
    ),
    Relation(
        "plants", "clause", "When do I water the plants?", "You water the plants on {v}.", "days",
        ("On which day do my plants get water?", "What day is for watering?",
         "Which weekday is it that the flowers are watered?", "On what day should I take the watering can?"),
        "When do I clean the windows?",
    ),
    Relation(
        "market", "clause", "When do I go to the market?", "You go to the market on {v}.", "days",
        ("On which day do I shop at the market?", "What is my market day?",
         "Which weekday do I buy my vegetables at the market?", "On what day am I at the market?"),
        "When do I go to church?",
    ),
    Relation(
        "parents", "clause", "When do I call my parents?", "You call your parents on {v}.", "days",
        ("On which day do I phone my mum and dad?", "What day is for calling my parents?",
         "Which weekday do my parents hear from me?", "On what day do I ring my parents?"),
        "When do I do my laundry?",
    ),
    # What and how
    Relation(
        "job", "clause", "What do I do for work?", "You work as {v}.", "jobs",
        ("What kind of work do I do?", "What am I by trade?",
         "How do I earn my money?", "What stands on my business card, as my job?"),
        "What did I study?",
    ),
    Relation(
        "coffee", "clause", "How do I like my coffee?", "You like your coffee {v}.", "coffees",
        ("What coffee should I be served?", "How should you make my coffee?",
         "What goes into my coffee?", "I would like a coffee the way I always have it. How is that?"),
        "How do I like my eggs?",
    ),
    Relation(
        "way to work", "clause", "How do I get to work?", "You get to work by {v}.", "vehicles",
        ("What do I take to work?", "In what way do I travel to the office?",
         "How do I come to my job in the morning?", "Which means of transport brings me to work?"),
        "How do I heat my house?",
    ),
    Relation(
        "morning drink", "clause", "What do I drink in the morning?", "You drink {v} in the morning.", "drinks",
        ("Which drink do I start the day with?", "What's in my glass at breakfast?",
         "What should you pour me when I wake up?", "My drink when I get up is what?"),
        "What do I read in the evening?",
    ),
    Relation(
        "car", "clause", "What car do I drive?", "You drive a {v}.", "cars",
        ("Which car is mine?", "What make is my car?",
         "I own a car. What kind?", "Which car should you look for in the car park, if you look for mine?"),
        "What phone do I use?",
    ),
    Relation(
        "team", "clause", "Which team do I support?", "You support {v}.", "teams",
        ("What club am I a fan of?", "For whom do I cheer at a match?",
         "Whose scarf do I wear in the stadium?", "Which side do I want to win?"),
        "Which party do I vote for?",
    ),
    # Neither of these
    Relation(
        "greeting", "other", "Good morning!", "{v}! What can I do for you?", "greetings",
        ("Good evening to you!", "hiya",
         "Nice to see you!", "hello, are you there?"),
        "Goodbye!",
    ),
    Relation(
        "address me", "other", "How should you address me?", "I should address you as {v}.", "titles",
        ("What should you call me?", "By what name do I want you to address me?",
         "How do I want to be called by you?", "Which form of address is right for me?"),
        "What should I call you?",
    ),
    Relation(
        "sign off", "other", "How do I sign my letters?", "You sign your letters with {v}.", "signatures",
        ("What stands at the end of my letters?", "With which words do I end a letter?",
         "My letters close with what?", "What do I write below a letter?"),
        "How do I begin my diary?",
    ),
)  # fmt: skip
