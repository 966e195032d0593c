"""Labelled questions for `bench.bearing`: six people, what they told, what they ask, and what anybody might ask.

Two halves, three people and half of the general questions each: the rule is chosen on one, the other is only measured.
A line of `memories` is one memory; a line of `questions` begins with the numbers of the memories that bear on it. On a
general question none of any person's memories bears; `hard` ones share words or a topic with some of them.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Person:
    """`questions`: each with the numbers of the memories that bear on it."""

    name: str
    memories: tuple[str, ...]
    questions: tuple[tuple[str, frozenset[int]], ...]


@dataclass(frozen=True, slots=True)
class Half:
    """People, and questions on which none of their memories bears: `easy`, and `hard` ones."""

    people: tuple[Person, ...]
    easy: tuple[str, ...]
    hard: tuple[str, ...]


def _lines(text: str) -> tuple[str, ...]:
    return tuple(line.strip() for line in text.splitlines() if line.strip())


def _person(name: str, memories: str, questions: str) -> Person:
    asked: list[tuple[str, frozenset[int]]] = []
    for line in _lines(questions):
        numbers, _, question = line.partition(" ")
        asked.append((question, frozenset(int(number) for number in numbers.split(","))))
    return Person(name, _lines(memories), tuple(asked))


_BAKER = _person(
    "baker",
    """
    I run a small bakery in Ghent called De Korenbloem.
    We open at six in the morning and close at two.
    The rye sourdough starter is fed every evening at eight.
    My oven is a Miwe deck oven from 2011 and runs ten degrees too hot on the left.
    I get my flour from the mill of Karel Smets in Deinze.
    The bakery is shut on Mondays and Tuesdays.
    My apprentice Yusuf starts at four and does the croissants.
    I have coeliac disease, so I taste nothing with wheat.
    My husband Pieter does the accounts on Sunday evenings.
    The rent for the shop is 1,850 euros a month.
    Our landlord is the Vandamme family.
    I want to open a second shop in Bruges in 2028.
    My daughter Lotte studies architecture in Delft.
    My son Bram plays handball and hates bread.
    The delivery van is a white Citroen Berlingo.
    The café on the corner takes forty rolls every Saturday.
    Write recipes in grams, never in cups.
    I sleep from eight in the evening to half past two.
    My knees hurt when I stand for more than five hours.
    The food inspector comes in October; last year we had 96 points.
    I am paying off a loan of 40,000 euros at KBC.
    The best seller at Easter is the almond wreath.
    My mother taught me the recipe for speculaas.
    I dislike being called Mrs Maes; Hanne is fine.
    """,
    """
    0 What's my business called?
    0 Where is my shop?
    1 When do we open?
    1,5 What opening hours should go on the website?
    2 When does the starter need feeding?
    3 why are the loaves on the left always darker
    4 Who sells me flour?
    5 On which days are we closed?
    6 What does Yusuf do?
    7 Can I try a piece of the new wheat loaf?
    8 Who looks after our books?
    9 How much do I pay for the premises?
    12 What does Lotte study?
    13 Which sport does my son do?
    14 What do I drive to deliver?
    15 How many rolls go to the café at the weekend?
    16 Give me a recipe for brioche.
    17 Suggest a time for a call with my sister this evening.
    18 What is wrong with my knees?
    19 When is the next inspection?
    20,9 Which debts and fixed costs do I have?
    21 What sold best at Easter?
    22 Where did I get the speculaas recipe from?
    23 How should you address me?
    """,
)

_SAILOR = _person(
    "sailor",
    """
    My boat is a Hallberg-Rassy 34 named Skua.
    Skua lies at berth C17 in the marina of Kristiansund.
    The engine is a Volvo Penta D1-30; its oil was changed in April.
    I get seasick in a following sea and take cinnarizine.
    My crew for the summer is Astrid and old Henrik.
    The mainsail has a tear near the second batten and is at the sailmaker's.
    We want to sail round the Faroe Islands in July.
    The insurance is with Gjensidige and runs out on 1 May.
    My VHF call sign is LK4917.
    The life raft has to be serviced in 2027.
    I work four weeks on and four weeks off as a mate on a supply ship.
    My home is a red wooden house on Innlandet.
    My wife Solveig is a vet and cannot swim.
    We have two huskies, Frost and Tinde.
    The mooring fee is 14,000 kroner a year.
    I cannot stand mayonnaise.
    My brother Odd keeps the winter cover in his barn.
    I keep the logbook in English.
    The anchor is a 16 kg Rocna on forty metres of chain.
    My mother turns eighty on 12 June.
    I am deaf in the right ear after an accident in 2014.
    The house is heated with a wood stove and a heat pump.
    I am learning the accordion from a book.
    Distances in nautical miles, please, and wind in metres a second.
    """,
    """
    0 What is the name of my yacht?
    1 Where do I keep her?
    2 What engine is on board?
    2 Has the oil been changed this year?
    3 What should I take so that I don't throw up at sea?
    4 Who is coming along this summer?
    5 Where is my mainsail?
    6 Where are we sailing in July?
    7 when does my boat insurance expire
    8 What's my call sign?
    9 Is the life raft due?
    10 What do I do for a living?
    11 What colour is my house?
    12 What's my wife's job?
    12 Would Solveig enjoy a kayak trip with me?
    13 What are the dogs called?
    14 How much is the berth a year?
    15 Make me a sandwich I will like.
    16 Who has the winter cover?
    17 In which language should I write the log entry?
    18 How much chain do I have?
    19 Whose birthday is coming up in June?
    20 On which side should people sit so that I hear them?
    21 How do we heat the house?
    22 Which instrument am I learning?
    23 How far is it from Kristiansund to Torshavn?
    """,
)

_DEVELOPER = _person(
    "developer",
    """
    I am a backend developer at Tamarind Pay in Pune.
    Our services are written in Go and deployed with Nomad, not Kubernetes.
    The staging database is called heron and is reset every Sunday night.
    My manager is Priya Deshmukh, hers is Colin.
    Stand-up is at 10:15 and I hate it.
    I use Neovim with tabs of width eight.
    My GitHub handle is ravi-kulk.
    Our coding style forbids panics outside main.
    Ticket PAY-3381 is the double refund bug; Meera reproduced it.
    I review pull requests before lunch only.
    The on-call rota puts me on duty every fifth week.
    I am vegetarian and fast on Thursdays.
    I live in a third-floor flat in Kothrud with two cats, Ping and Pong.
    I ride a Royal Enfield Classic 350 to the office.
    I play chess on Lichess and am rated about 1750.
    My wife Anjali is expecting our first child in August.
    My parents live in Nashik and come every Diwali.
    I keep my passwords in Bitwarden.
    My migraine comes when I skip breakfast.
    I save 30,000 rupees a month in an index fund.
    The secret of the test gateway lies in the vault under kv/pay/test.
    I prefer code without explanations, only the diff.
    I want to move to the machine learning team next year.
    I am writing a talk about idempotency for GopherCon India.
    """,
    """
    0 Which company am I with?
    1 Which language are our services written in?
    1 Write me a job file to deploy the new refund service.
    2 Why is my data on heron gone this Monday?
    3 Who is my boss?
    4 What time is stand-up?
    5 How wide are my tabs?
    6 What's my username on GitHub?
    7 Is it fine to panic in a library function here?
    8 What was PAY-3381 again?
    9 When do I do code reviews?
    10 How often am I on call?
    11 Order me something for dinner.
    11 Is Thursday a good day for a team lunch for me?
    12 Where is my flat?
    12 What are my cats' names?
    13 What do I ride to work?
    14 How strong am I at chess?
    15 When is the baby due?
    16 Where do mum and dad live?
    17 Which password manager do I use?
    18 Why do I have a headache again?
    19 How much am I putting aside each month?
    20 Where is the secret for the test gateway?
    21 How do I want you to show code changes?
    22 What are my career plans?
    23 What is my conference talk on?
    """,
)

_TEACHER = _person(
    "teacher",
    """
    I teach history and German at a grammar school in Graz.
    My class is the 7B, twenty-six pupils.
    Parents' evening is on the third Wednesday of November.
    I correct essays with a green pen, never a red one.
    The school's printer code is 5518.
    My free lesson is on Tuesdays, fourth period.
    The headmistress is Frau Dr. Lechner.
    Elias in my class has dyslexia and gets a quarter more time.
    The trip to Vienna costs 145 euros a pupil.
    I sing alto in the cathedral choir.
    Choir practice is on Thursday at half past seven.
    My partner Miriam is a midwife and works nights.
    We live in Geidorf, and the tram 4 stops outside.
    I have no driving licence.
    I broke my wrist while skiing at Schladming in 2022.
    Our tortoise Kaspar is older than I am.
    I am reading Joseph Roth's Radetzky March with the book circle.
    I drink too much coffee, so none after three.
    My nephew Jonas is saving for a synthesizer.
    The washing machine is a Bosch and still under guarantee.
    My blood group is 0 negative and I give blood twice a year.
    I write letters with a Pelikan fountain pen.
    Use Austrian spellings in German: Jänner, not Januar.
    We plan to adopt a child, and Miriam does not want her mother to know.
    """,
    """
    0 Which subjects do I teach?
    1 How big is my class?
    2 When do the parents come to school?
    3 Which colour do I correct in?
    4 what's the code for the printer
    5 When am I free on Tuesday?
    6 Who is our head?
    7 Whom do I have to give extra time in the exam?
    8 What does the Vienna trip cost?
    8,1 How much money do I have to collect for the trip altogether?
    9 What voice do I sing?
    10 When is choir?
    11 What does Miriam do?
    12 Which tram do I take home?
    13 Can I rent a car for the weekend?
    14 When did I break my wrist?
    15 How old is Kaspar?
    16 Which novel are we reading in the book circle?
    17 Shall I have an espresso at five?
    18 A present for my nephew?
    19 What make is our washing machine?
    20 What's my blood type?
    21 Which ink cartridges fit the pen I write with?
    22 Write the German invitation for the party on 20 January.
    23 Help me write a birthday card from both of us to Miriam's mother about our news.
    11 Is my partner at home tonight?
    """,
)

_FARMER = _person(
    "farmer",
    """
    I farm 120 hectares near Balclutha, mostly sheep.
    We have about 900 ewes, Romney crosses.
    Lambing begins in the last week of August.
    My header dog is Jess and the huntaway is Boss.
    The tractor is a John Deere 6130R with 4,200 hours on it.
    The shearers come on 10 January, a gang of five.
    I sell lambs through Silver Fern Farms.
    The bottom paddock floods whenever the Clutha is over three metres.
    The vet is Moana Tipene, and she likes to be texted and not phoned.
    My wife Kirsty runs the pottery studio in the old woolshed.
    Our eldest, Hamish, does an apprenticeship as an electrician in Dunedin.
    Our youngest, Isla, is allergic to bee stings.
    I had a hip replaced in 2021.
    I take pills for high blood pressure in the morning.
    The bank wants the budget by the end of June.
    We switched from superphosphate to lime in 2023.
    The ute is a Toyota Hilux, and its warrant expires in March.
    The spare key of the house hangs in the pump shed.
    I have never flown and do not mean to.
    Rugby on Saturday is sacred, I support the Highlanders.
    The bore is 64 metres deep.
    Our internet is by satellite and drops out in snow.
    I can't read small type, so keep messages short.
    The neighbour, Graeme, borrows our hay baler every February.
    """,
    """
    0 How big is my farm?
    1 How many sheep do I have?
    2 When does lambing start?
    3 What are my dogs called?
    4 How many hours has the tractor done?
    5 When will the shearers be here?
    6 Who buys my lambs?
    7 Is it safe to leave the ewes in the bottom paddock with the river at 3.4?
    8 What's the best way to reach the vet?
    9 What does Kirsty do in the woolshed?
    10 What is Hamish training as?
    11 What do we need to be careful about with Isla in the garden?
    12 When was my hip done?
    13 which tablets do I take in the morning
    14 When does the bank need the budget?
    15 What do we put on the paddocks now?
    16 When does the ute need its warrant?
    17 I'm locked out. Where's the spare?
    18 Find me a quick way to get to Auckland.
    19 Can we have the meeting on Saturday afternoon?
    19 Which team do I follow?
    20 How deep is our bore?
    21 Why is the internet down this morning?
    22 How long should your messages to me be?
    23 Who has the baler?
    """,
)

_STUDENT = _person(
    "student",
    """
    I study marine biology in Cork, second year.
    My student number is 119384772.
    The essay on kelp forests is due on 4 December.
    My supervisor is Dr. Niamh Considine.
    I share a house on Magazine Road with Tadhg, Zofia and Femi.
    It is my turn to clean the kitchen in even weeks.
    I work at the Spar on Friday and Saturday nights.
    I get 12.70 an hour there.
    I am from Letterkenny and go home once a month by bus.
    My girlfriend is Caoimhe; we met at a ceilidh.
    I have type 1 diabetes and wear a pump.
    My bike was stolen in September from outside the library.
    I row in the novice eight, seat three.
    Training is at half six on Monday, Wednesday and Friday.
    My laptop is a ThinkPad with Fedora on it.
    I owe Femi sixty euros for the electricity.
    I am doing an Erasmus semester in Bergen next autumn.
    I don't drink alcohol.
    My dad has been out of work since the factory closed.
    I cite in Harvard style.
    I am afraid of diving in caves, the open sea is fine.
    I am in the debating society and always argue the other side.
    My phone has a cracked screen and the repair costs 180 euros.
    I want explanations with an example first and the theory after.
    """,
    """
    0 What am I studying?
    1 What's my student number?
    2 When is my kelp essay due?
    3 Who supervises me?
    4 Who are my housemates?
    5 Do I have to clean this week? It's week 14.
    6 Am I free on Saturday night?
    7,6 How much do I earn on a weekend with two eight-hour shifts?
    8 How do I usually get home to my family?
    8 Where did I grow up?
    9 How did Caoimhe and I meet?
    10 What do I need to look out for when I row for two hours without eating?
    11 What happened to my bicycle?
    12 Which seat do I row in?
    13 What time is training?
    14 Which operating system is on my computer?
    15 Do I owe anybody money?
    16 Where will I be next autumn?
    17 Which wine should I bring to the dinner for myself?
    18 How is dad doing for a job?
    19 Format this reference for my essay: Steneck 2002, Kelp forest ecosystems.
    20 Would a cave diving course suit me?
    21 What do I do in the debating society?
    22 How much is it to fix my phone?
    23 Explain osmosis to me.
    """,
)

TUNED_ON = Half(
    people=(_BAKER, _SAILOR, _DEVELOPER),
    easy=_lines(
        """
        What is the capital of Mongolia?
        Who discovered penicillin?
        How many moons does Jupiter have?
        Explain how a refrigerator works.
        What is the derivative of x squared?
        Solve 3x + 7 = 25.
        What is 15 percent of 240?
        Write a Python function that checks for palindromes.
        What does a segmentation fault mean?
        Translate "see you tomorrow" into Italian.
        Write a limerick about a frog.
        Hi there
        How are you today?
        Thank you very much!
        Tell me a joke.
        Who wrote One Hundred Years of Solitude?
        When did the Roman Empire fall?
        What is the speed of light?
        Give me five synonyms for quick.
        What's the difference between affect and effect?
        How do vaccines work?
        What is the tallest mountain in Africa?
        Summarise the theory of evolution in two sentences.
        Is a tomato a fruit?
        What is inflation?
        Convert 50 degrees Fahrenheit to Celsius.
        Who was the first woman in space?
        How do I write a regular expression for an email address?
        What is the meaning of life?
        Correct this sentence: he don't know nothing.
        That's great, go on.
        What can you do?
        How do plants make energy?
        List the planets in order.
        What is a prime number?
        """
    ),
    hard=_lines(
        """
        How does sourdough rise?
        Who invented the croissant?
        What is the chemical formula of baking soda?
        Why does bread go stale?
        What is a mortgage?
        How does a diesel engine work?
        Why do people get seasick?
        Who was the first to sail around the world?
        How do huskies survive in the cold?
        What is a nautical mile?
        Write a short story about a lighthouse keeper and his dog.
        What is the population of the Faroe Islands?
        How do I reverse a slice in Go?
        What is the difference between Kubernetes and Nomad?
        Explain the Sicilian defence in chess.
        How do index funds work?
        What causes migraines?
        Who founded GitHub?
        Why do cats purr?
        What is the history of Diwali?
        What does idempotent mean?
        Is architecture an art?
        How do I restore a database from a dump?
        What is handball and how many players are in a team?
        Name three famous boats.
        How often should the oil of an engine be changed?
        How does insurance work?
        When is Easter next year?
        What does a midwife do?
        Write a poem about the morning.
        """
    ),
)

HELD_OUT = Half(
    people=(_TEACHER, _FARMER, _STUDENT),
    easy=_lines(
        """
        What is the capital of Peru?
        Who discovered radium?
        How many bones does a shark have?
        Explain how a microwave oven works.
        What is the integral of 2x?
        Solve x squared minus 9 equals 0.
        How much is 18 times 34?
        Write a JavaScript function that sorts an array of numbers.
        What does a null pointer exception mean?
        Translate "where is the station" into French.
        Write a sonnet about winter.
        Hello
        How's it going?
        Thanks a lot, that was helpful.
        Tell me a riddle.
        Who wrote Crime and Punishment?
        When was the printing press invented?
        What is the mass of the Earth?
        Give me five antonyms of brave.
        What's the difference between their and there?
        How do antibiotics work?
        What is the longest river in Europe?
        Summarise the French Revolution in two sentences.
        Is a whale a fish?
        What is a recession?
        Convert 12 miles to kilometres.
        Who was the first man on the Moon?
        How do I undo a commit in git?
        What is consciousness?
        Rewrite this more politely: send me the file now.
        Okay, continue.
        What are you able to help with?
        Why is the ocean salty?
        List the continents by size.
        What is the Fibonacci sequence?
        """
    ),
    hard=_lines(
        """
        What was the Radetzky March composed for?
        When was the Habsburg empire founded?
        How do fountain pens work?
        How long do tortoises live?
        What is dyslexia?
        Which composers wrote for cathedral choirs?
        How is coffee decaffeinated?
        How does adoption law differ between countries?
        What is the most common blood group in the world?
        Who built the Vienna ring road?
        What breeds of sheep are there?
        How does a satellite stay in orbit?
        Who won the Rugby World Cup in 2015?
        What is superphosphate made of?
        Why do bees sting?
        How deep is the deepest bore hole?
        Write a story about a sheep dog.
        What is high blood pressure?
        How does an electrician test a circuit?
        Why do rivers flood?
        What is kelp?
        How do insulin pumps work?
        Who invented the bicycle?
        What is the Harvard referencing style?
        How do I install a package on Fedora?
        What is the minimum wage in Germany?
        Who won the boat race in 1877?
        What happens to the body when we drink alcohol?
        Why do caves form in limestone?
        What is the best way to clean a kitchen sink?
        """
    ),
)


def _pairs(text: str) -> tuple[tuple[str, str], ...]:
    return tuple((memory, question) for memory, _, question in (line.partition(" | ") for line in _lines(text)))


SAME_THING = _pairs("""
    My dog is called Biscuit. | What is my puppy's name?
    My terrier is called Biscuit. | What is my dog called?
    My mother is called Ilse. | What is my mum's name?
    My wife is called Nora. | What's my spouse's name?
    My husband is called Ravi. | Who is my partner?
    My boss is Petra Lind. | Who is my manager?
    My flat is on the third floor. | Where is my apartment?
    My car is in the garage on Mill Lane. | Where is my vehicle?
    My Volvo is parked at the station. | Where is my car?
    My bike is chained to the fence. | Where is my bicycle?
    My GP is Dr Okafor. | Who is my doctor?
    My phone number is 555 0199. | What is my telephone number?
    My surname is Virtanen. | What is my last name?
    My favourite dish is lasagne. | What is my favourite food?
    My employer is the harbour board. | Who is my company?
    My sister is called Leonie. | What is my sibling's name?
    My daughter is called Lidia. | What is my child called?
    My cat is called Tofu. | What is my pet's name?
    My granny is called Alma. | What is my grandmother's name?
    My laptop is in the blue bag. | Where is my computer?
    My boat is called Aurora. | What is my ship called?
    My shoe size is 44. | What is my foot size?
    My birthday is on 24 September. | When is my date of birth?
    My colleague is called Juno. | What is my coworker's name?
    I keep my spare key under the flowerpot. | Where do I keep my keys?
    I keep my passport in the desk. | Where do I keep my travel documents?
    I park my car behind the bakery. | Where do I park my van?
    My best friend is Pavel. | Who is my friend?
    My dentist appointment is on Tuesday at ten. | When is my appointment?
    My wedding is on 3 June. | When is my wedding day?
    My physio is Ana. | Who is my physiotherapist?
    My son's school is Kallio. | What is my son's name?
    My tutor is Dr Bell. | Who is my teacher?
    My hobby is knitting. | What is my favourite pastime?
    My landlady is Mrs Moss. | Who is my landlord?
    My kid is called Otto. | What is my son's name?
    My horse is called Nimbus. | What is my mare's name?
    My flatmate is Ines. | Who is my roommate?
    My headphones are in the drawer. | Where are my earphones?
    My glasses are on the piano. | Where are my spectacles?
""")
"""A memory, and a question that it answers in another word for the thing."""

ANOTHER_THING = _pairs("""
    My dog is called Biscuit. | What is my alpaca's name?
    My dog is called Biscuit. | What is my cat called?
    My mother is called Ilse. | Who is my grandmother?
    My sister is called Leonie. | What is the name of my niece?
    My son is called Zoltan. | Do you remember my godson's name?
    My boss is Petra Lind. | Who is my butcher?
    My landlord is Esther Eriksen. | Who is my cleaner?
    My piano teacher is Irina. | Who is my swimming teacher?
    My dentist is Dr Haddad. | Who is my optician?
    I keep my spare key under the flowerpot. | Where do I keep my umbrella?
    I keep my passport in the desk. | Where do I keep my hammer?
    My passport is in the desk. | Where is my hammer?
    My car is in the garage on Mill Lane. | Where is my boat?
    My bike is chained to the fence. | Where is my ladder?
    My phone number is 555 0199. | What is my account number?
    My locker number is 64. | What is my seat number?
    My shoe size is 44. | What is my hat size?
    My surname is Virtanen. | What is my middle name?
    My favourite film is Vertigo. | What is my favourite poem?
    My favourite food is lasagne. | What is my favourite drink?
    My favourite colour is teal. | What is my favourite song?
    My favourite sport is archery. | What is my favourite board game?
    My favourite flower is lilies. | What is my favourite tree?
    My hobby is knitting. | What is my salary?
    My birthday is on 24 September. | When is my wedding anniversary?
    My dentist appointment is on Tuesday. | When is my flight?
    My band is called Static Orchard. | What is my choir called?
    My boat is called Aurora. | What is my house called?
    My company is called Northlight. | What is my daughter's name?
    My laptop is in the blue bag. | Where is my wallet?
    My glasses are on the piano. | Where is my wallet?
    My violin is in the attic. | Where is my tent?
    My guitar is called Lucille. | What is my drum kit called?
    My accountant is Mr Pohl. | Who is my barber?
    My neighbour is called Greta. | What is my uncle's name?
    I park my car behind the bakery. | Where do I park my motorbike?
    I water my plants on Sunday. | When do I water my lawn?
    I wash my car on Saturday. | When do I wash my hair?
    My blood type is A positive. | What is my star sign?
    My gym is Iron House. | What is my bank?
""")
"""A memory, and a question about another thing, on which it does not bear."""
