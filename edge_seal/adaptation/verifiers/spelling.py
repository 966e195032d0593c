"""British and American spellings of common words, and contractions with what they stand for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

# American to British. Only words whose spelling alone tells the two apart ("practice", "check", "program" do not).
_STEMS: Final = """
color colour|colors colours|colored coloured|coloring colouring|colorful colourful
favorite favourite
favorites favourites
favor favour|favors favours|honor honour|honors honours|humor humour|labor labour|neighbor neighbour
neighbors neighbours|neighborhood neighbourhood|flavor flavour|flavors flavours|flavorful flavourful|behavior behaviour
behaviors behaviours|harbor harbour|rumor rumour|vapor vapour|vigor vigour|odor odour|savor savour|savory savoury
center centre|centers centres|centered centred|theater theatre|theaters theatres|meter metre|meters metres
kilometer kilometre|kilometers kilometres|centimeter centimetre|centimeters centimetres|liter litre|liters litres
fiber fibre|fibers fibres|caliber calibre|luster lustre|somber sombre
organize organise|organizes organises|organized organised|organizing organising|organization organisation
organizations organisations|realize realise|realizes realises|realized realised|realizing realising
recognize recognise|recognizes recognises|recognized recognised|recognizing recognising|apologize apologise
apologizes apologises|apologized apologised|analyze analyse|analyzes analyses|analyzed analysed|analyzing analysing
memorize memorise|memorizing memorising|prioritize prioritise|prioritizing prioritising|summarize summarise
summarizes summarises|summarized summarised|summarizing summarising|minimize minimise|minimizing minimising
maximize maximise|maximizing maximising|optimize optimise|optimizing optimising|emphasize emphasise
emphasizes emphasises|emphasizing emphasising|specialize specialise|specialized specialised|utilize utilise
utilizes utilises|utilized utilised|utilizing utilising|visualize visualise|visualizing visualising
familiarize familiarise|fertilize fertilise|criticize criticise|customize customise|customized customised
civilization civilisation|industrialization industrialisation|modernize modernise|mobilize mobilise
traveler traveller|travelers travellers|traveling travelling|traveled travelled|canceled cancelled|canceling cancelling
modeling modelling|modeled modelled|labeled labelled|labeling labelling|fueled fuelled|jewelry jewellery
marvelous marvellous|counselor counsellor|fulfill fulfil|skillful skilful|enrollment enrolment|installment instalment
defense defence|offense offence|license licence|pretense pretence|catalog catalogue|dialog dialogue|gray grey
grayish greyish|mold mould|molds moulds|moldy mouldy|plow plough|tire tyre|tires tyres|pajamas pyjamas|mom mum|moms mums
aluminum aluminium|airplane aeroplane|airplanes aeroplanes|cozy cosy|skeptical sceptical|artifact artefact
artifacts artefacts|mustache moustache|aging ageing|maneuver manoeuvre|encyclopedia encyclopaedia|pediatric paediatric
anesthesia anaesthesia|archeology archaeology|esthetic aesthetic|sulfur sulphur|donut doughnut|donuts doughnuts
whiskey whisky|yogurt yoghurt|math maths
"""

BRITISH: Final[Mapping[str, str]] = MappingProxyType(
    {
        american: british
        for pair in re.split(r"[|\n]", _STEMS)
        if pair.strip()
        for american, british in [pair.split()]
        if american != british
    }
)
AMERICAN: Final[Mapping[str, str]] = MappingProxyType(
    # Nobody who writes "license" as a verb, "meter" for a device, "dialog" or "whiskey" is wrong in Britain either, but
    # the other direction is safe for all of them.
    {british: american for american, british in BRITISH.items()}
)
CONTRACTIONS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "can't": "cannot", "won't": "will not", "shan't": "shall not", "don't": "do not", "doesn't": "does not",
        "didn't": "did not", "isn't": "is not", "aren't": "are not", "wasn't": "was not", "weren't": "were not",
        "haven't": "have not", "hasn't": "has not", "hadn't": "had not", "wouldn't": "would not",
        "shouldn't": "should not", "couldn't": "could not", "mustn't": "must not", "needn't": "need not",
        "i'm": "I am", "i've": "I have", "i'll": "I will", "i'd": "I would", "you're": "you are",
        "you've": "you have", "you'll": "you will", "you'd": "you would", "he's": "he is", "she's": "she is",
        "it's": "it is", "that's": "that is", "there's": "there is", "what's": "what is", "who's": "who is",
        "where's": "where is", "how's": "how is", "here's": "here is", "let's": "let us", "we're": "we are",
        "we've": "we have", "we'll": "we will", "they're": "they are", "they've": "they have",
        "they'll": "they will", "he'll": "he will", "she'll": "she will", "it'll": "it will",
    }
)  # fmt: skip

_WORD: Final = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")


def in_spelling(text: str, spelling: Mapping[str, str]) -> str:
    """`text` with each word that is a key of `spelling` in that spelling, in the case it had."""
    return _WORD.sub(lambda match: _cased_like(match.group(), spelling.get(_plain(match.group()))), text)


def words_of(text: str, spelling: Mapping[str, str]) -> list[str]:
    """The words of `text` that are keys of `spelling`, in small letters."""
    return [word for found in _WORD.findall(text) if (word := _plain(found)) in spelling]


def _plain(word: str) -> str:
    return word.replace("’", "'").casefold()


def _cased_like(word: str, other: str | None) -> str:
    if other is None:
        return word
    if word.isupper() and len(word) > 1:
        return other.upper()
    return other[:1].upper() + other[1:] if word[:1].isupper() else other
