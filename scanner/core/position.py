"""The position and the employer a note is about, where the note names them plainly.

Only for wording a suggestion: it prefers silence to a guess, since the user sees a blank to
fill in where nothing was found.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_MOST_TITLE_WORDS = 6
_TITLE = r"((?:[\w&/'+-]{1,30} ){0,4}[\w&/'+-]{1,30})"  # bounded, so that no note is slow
_SHORTEST_TITLE = _TITLE.replace("{0,4}", "{0,4}?")
_ROLE = r"(?:position|role|post|opening|job|vacancy)"
_IN_TEXT = (
    # Looked ahead for: "for the conversation about the clerk position" has a second beginning.
    re.compile(
        rf"\b(?:for|about|regarding|discuss(?:ing)?)(?= (?:the|your|an?) {_TITLE} {_ROLE}\b)"
    ),
    re.compile(rf"\b{_ROLE} of (?:an? )?{_SHORTEST_TITLE}(?= (?:at|with|in)\b|[.,;])"),
)
_REPLY = re.compile(r"^(?:(?:re|fwd?|aw)\s*:\s*)+", re.IGNORECASE)
_THANKS = re.compile(
    r"^(?:(?:many )?thanks?(?: you)?(?: again)?[.!]*|interview|follow(?:ing)?[- ]up|re)"
    r"(?: (?:for|as|on|about|regarding|re))?(?: (?:the|my|your|our|an?))? ",
    re.IGNORECASE,
)
_OPENING = re.compile(rf"^{_TITLE} {_ROLE}\b", re.IGNORECASE)
_INTERVIEW = re.compile(rf"^{_TITLE} interview\b", re.IGNORECASE)
_JOB_NOUN = re.compile(
    r"\b(?:accountant|actuary|adjuster|administrator|advis[eo]r|agent|aide|analyst|apprentice|"
    r"apprenticeship|architect|archivist|assistant|associate|attendant|attorney|audiologist|"
    r"auditor|baker|banker|barista|barrister|bookkeeper|broker|buyer|caretaker|carer|cashier|"
    r"chaplain|chef|cleaner|clerk|conductor|consultant|controller|cook|coordinator|counsel|"
    r"counsell?or|courier|curator|custodian|dentist|designer|developer|director|dishwasher|"
    r"dispatcher|driver|economist|editor|educator|electrician|engineer|estimator|examiner|"
    r"executive|fellow|fellowship|firefighter|fitter|forester|gardener|generalist|groundsman|"
    r"guard|guide|handler|head|headteacher|housekeeper|hygienist|inspector|instructor|intern|"
    r"internship|interpreter|joiner|keeper|lead|lecturer|librarian|lifeguard|machinist|"
    r"manager|mechanic|merchandiser|midwife|nanny|nurse|officer|operator|organist|owner|"
    r"painter|paralegal|paramedic|pharmacist|physiotherapist|planner|plumber|porter|postdoc|"
    r"practitioner|presenter|processor|producer|professor|programmer|psychologist|pupillage|"
    r"radiographer|ranger|receptionist|recruiter|registrar|rep|reporter|representative|"
    r"researcher|residency|scheduler|scientist|secretary|signaller|solicitor|specialist|"
    r"statistician|steward|superintendent|supervisor|surveyor|teacher|technician|teller|"
    r"tester|therapist|trainee|trainer|translator|treasurer|trustee|tutor|underwriter|usher|"
    r"waiter|waitress|warden|welder|worker|writer)$",
    re.IGNORECASE,
)
# What names a job before "interview", and may be anything elsewhere.
_FIELD = re.compile(
    r"\b(?:accounts|admissions|backend|billing|childcare|cleaning|coach|compliance|"
    r"customer (?:care|service|success)|engineering|forklift|front (?:desk|end|office)|"
    r"fundraising|helpdesk|housekeeping|IT|judge|kitchen|logistics|maintenance|marketing|"
    r"merchandising|midwifery|nursing|payroll|PhD|physio|postdoctoral|principal|procurement|"
    r"programming|purchasing|reception|sales|security|sister|support|warehouse)$",
    re.IGNORECASE,
)
# Where a name ends, and what is none: "at Acme and I", "at Monday's interview", "at Terminal 2".
_NO_NAME = (
    r"(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)days?|January|February|March|April|May|June|July|"
    r"August|September|October|November|December|Easter|Christmas|Mother|Father|Zoom|Teams|"
    r"Skype|Webex|Google Meet|I|You|Your|The|My|Our|Mr|Mrs|Ms|Dr|"
    r"(?:Terminal|District|Level|Ward|Room|Unit|Gate) \d+|Series [A-Z]"
)
_WORD = rf"(?!(?:{_NO_NAME})\b)[A-Z][\w&'’-]{{0,30}}"
_NAME = rf"(?P<name>(?:St\. )?{_WORD}(?: (?:& |and |of |The )?{_WORD}){{0,3}})"
# "At the Harbor Inn" names who employs, "at the Mill", "the Elm Street branch" or "the Career Fair"
# where it was: after "the" a name has two words or more, and no noun behind it.
_THE = rf"(?: (?P<the>the)(?= {_WORD} (?:& |and |of )?{_WORD}))?"
_ENDED = (
    r"(?<!Fair)(?<!Party)(?<!Conference)(?<!Branch)(?<!Office)(?![\w'’-])"
    r"(?! (?!(?:and|as|because|but|for|from|in|is|last|on|or|so|that|this|to|today|very|was|which|"
    r"who|with|would|yesterday|I)\b)\w)"
)
_WISH = (
    r"(?<!was )(?<!been )(?i:like|love|want|wanted|enjoy|happy|glad|honou?red|proud|keen|eager|"
    r"excited|hope|forward|possibility)(?: (?:to|of|about))?"
)
# "My last job at", "when I led the team at": the writer's own, now or in the past.
_OWN = (
    r"(?P<own>\b(?:(?:[Ww]hen|[Ww]hile) I (?:[\w'’-]{1,30} ){0,4}|I (?:led|ran|managed|left) "
    r"|years in the |in (?=post )|had the (?=opportunity )"
    r"|(?:[Mm]y|[Oo]ur|last|previous|former|present|[Ss]ame|[Tt]hat|old) "
    r"(?:(?!(?:for|about|and|to|with|of|in|at|the|an?|your)\b)[\w'’-]{1,30} ){0,3}(?!the |your )))?"
)
_EMPLOYER = re.compile(
    rf"(?:\b(?:[Ii]nterview|(?P<place>conversation|meeting)|visit|visiting|{_WISH} work(?:ing)?)"
    r"(?: [a-z]+){0,3} at"
    r"|\b[Jj]oin(?:ing)?"
    rf"|{_OWN}\b(?:(?i:{_ROLE}|opportunity)|(?:[Tt]he|[Yy]our|Dear) team)"
    rf"(?:(?: [a-z]+){{0,3}}| of(?: [\w&/'+-]{{1,30}}){{1,5}}) at{_THE}"
    rf") {_NAME}(?(the){_ENDED})"
)
# Words that stand before "position" without naming a job.
_VAGUE = frozenset(
    "same this that other open new current whole interview first second third final next last as "
    "second-round second-stage previous former re regarding conversation today's yesterday's today "
    "yesterday thank thanks thoughts on from after about following our my your in for with to and "
    "the of one two great lovely perfect right better real very such exciting good kind best "
    "lifetime hiring team said only mr mrs ms dr monday's tuesday's wednesday's thursday's "
    "friday's saturday's sunday's morning's afternoon's week's".split()
)
# Words that say something of a job, and alone name none: "the part-time position".
_ADDITIONS = frozenset(
    "job post session group board full part time full-time part-time remote temporary permanent "
    "contract internal old late recent phone telephone video virtual webcam skype zoom teams panel "
    "technical case informational onsite on-site 1st 2nd 3rd mon monday tue tues tuesday tuesdays "
    "wed weds wednesday thu thur thurs thursday fri friday sat saturday sun sunday".split()
)


@dataclass(frozen=True, slots=True)
class Position:
    """The job a note is about; a field is empty where the note does not name it."""

    title: str = ""
    employer: str = ""


def find_position(subject: str, text: str) -> Position:
    """Look for the position and the employer in a note's subject and own text."""
    flat = " ".join(text.split())
    employer = _employer(f"{subject}. {flat}")
    return Position(title=_title(subject, flat, employer), employer=employer)


def _title(subject: str, text: str, employer: str) -> str:
    candidates = list(_titles_in_subject(subject))
    candidates += [m.group(1) for pattern in _IN_TEXT for m in pattern.finditer(text)]
    jobs = (title for title in candidates if _is_specific(title))
    named = employer.removeprefix("the ")
    return next((title for title in jobs if not named.startswith(title)), "")


def _titles_in_subject(subject: str) -> Iterator[str]:
    """Yield the parts of a subject that name a job: "Thank you: Ward Nurse", "Nurse interview"."""
    spaced = " ".join(subject.split())  # or a run of spaces is tried from each of them
    for part in re.split(r"[,:;|()–—]| (?:-+|/) ", _REPLY.sub("", spaced)):
        bare = _THANKS.sub("", part.strip()).partition(" at ")[0]
        if match := _OPENING.match(bare):
            yield match.group(1)
        elif match := _INTERVIEW.match(bare):
            # As often it is who holds it that is named there: "Google interview".
            if _JOB_NOUN.search(match.group(1)) or _FIELD.search(match.group(1)):
                yield match.group(1)
        elif _JOB_NOUN.search(bare) and len(bare.split()) <= _MOST_TITLE_WORDS:
            yield bare


def _is_specific(title: str) -> bool:
    words = {word.casefold() for word in title.split()}
    return words.isdisjoint(_VAGUE) and not words <= _ADDITIONS


def _employer(text: str) -> str:
    theirs = [match for match in _EMPLOYER.finditer(text) if not match["own"]]
    if not theirs:
        return ""
    # "The conversation at" may name a café.
    match = next((match for match in theirs if not match["place"]), theirs[0])
    name = " ".join(filter(None, match.group("the", "name"))).rstrip("'’-")
    return name.removesuffix("'s").removesuffix("’s")
