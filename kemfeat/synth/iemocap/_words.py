"""Word lists of the synthetic English talk: by tone, from negative over plain to positive.

Clauses are in the past tense, so that every person goes with every verb.
"""

from __future__ import annotations


def _words(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.replace("\n", " ").split("|") if part.strip())


OPENERS = _words(
    "well,|so|okay,|look,|listen,|I mean,|you know,|actually,|honestly,|anyway,|um,|uh,|oh,|right,|see,|then|maybe"
)
PEOPLE = _words(
    "I|you|we|they|he|she|my brother|my sister|my mother|your father|the manager|that guy|this woman|everybody|"
    "nobody|somebody|our neighbor|the driver|my boss|the teacher|her cousin|the lady at the desk|his friend"
)
TIMES = _words(
    "yesterday|today|last night|this morning|last week|a year ago|on Monday|all day|at first|in the end|"
    "two days ago|before dinner|after school|in the summer|for three hours|again"
)
PLACES = _words(
    "at work|at home|at the airport|on the beach|in the car|at the office|at the store|in the kitchen|on the train|"
    "in the city|at the bank|over the phone|in line|at school|on the boat|in the garden|outside"
)
TOPICS = _words(
    "the wedding|the job|the interview|the letter|the flight|your luggage|the party|the movie|the phone bill|"
    "the house|the dinner|my car|the trip|that song|the weather|the form|the test|the meeting|the neighborhood|"
    "the money|our summer|the story|the game|this place|the hospital|his voice|the whole thing|that conversation"
)
ADVERBS = _words("really|so|very|just|pretty|kind of|quite|absolutely|a little|rather|completely|almost")

OPINIONS = {
    "positive": _words(
        "wonderful|amazing|beautiful|great|fantastic|lovely|perfect|exciting|sweet|brilliant|delightful|gorgeous|"
        "fun|hilarious|incredible|charming|awesome|delicious|happy|nice"
    ),
    "plain": _words(
        "fine|okay|different|long|small|normal|usual|quiet|simple|possible|busy|open|late|early|new|old|far away|"
        "important|similar|blue"
    ),
    "negative": _words(
        "terrible|awful|horrible|unfair|ridiculous|sad|frustrating|disgusting|pointless|painful|scary|cruel|"
        "miserable|stupid|hopeless|insulting|broken|lonely|useless|disappointing"
    ),
}
EVENTS = {
    "positive": _words(
        "got the job|laughed so hard|won the prize|fell in love|found the ring|sang along|danced together|"
        "got into the program|smiled at me|hugged me|got married|had a baby|loved every minute|saved the day|"
        "made me laugh|surprised all of us|cheered for you|kissed under the moon"
    ),
    "plain": _words(
        "went to the store|called the office|filled out the form|took the bus|read the paper|waited in line|"
        "talked about it|opened the window|drove to work|asked a question|bought some milk|moved to another town|"
        "looked at the list|sent an email|cooked dinner|made an appointment|walked the dog|changed the channel"
    ),
    "negative": _words(
        "lost everything|cried all night|yelled at me|broke the promise|died alone|hung up on me|lied to us|"
        "got fired|missed the funeral|wasted my time|ruined it all|left without a word|never listened|"
        "lost the bags|hurt my feelings|hated every minute|gave up|slammed the door"
    ),
}
SHORT = {
    "positive": _words(
        "oh my god, yes|that's great|I love it|congratulations|I'm so happy|wow|that's amazing|thank you|"
        "I can't wait|good for you|I love you|ha, nice"
    ),
    "plain": _words(
        "yeah|okay|right|I don't know|excuse me|what|mm-hmm|maybe|all right|I guess|sure|no|oh|I see|"
        "do you have a form|what is it|hmm"
    ),
    "negative": _words(
        "no, no|leave me alone|I hate this|shut up|I'm sorry|that's not fair|stop it|oh no|this is ridiculous|"
        "go away|I can't do this|you never listen"
    ),
}

LINKS = _words("and|but|because|so|and then|when|even though|until|, and you know,|, I mean,")
ENDINGS = _words(".|.|.|.|!|...|, you know.|, right?|, I guess.|?")
