"""One turn of a conversation: a message and what is remembered in, an answer and what to remember out.

In this order: a chosen option; consent to be passed on to a person; the form being filled in; the classifier. Whatever
was answered, an open form asks its question again at the end.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace

from adapters.base import IncomingMessage, Reply, ReplyChoice
from bot import choices
from bot.actions import ActionError
from bot.context import Form, UserState
from bot.entities import InvalidValueError, SlotValue
from bot.turn import Abilities, Answer, FallbackTone, Turn
from bot.voice import Values, Voice
from intents.catalog import Builtin, EntityType, Intent, IntentCatalog, Response, SetContext, Slot, line_of
from intents.placeholders import placeholder_names
from model.decision import Decision, Reason

N_LIKELY = 3
"""How many topics a fallback offers at most."""

LEAST_LIKELY = 0.1
"""The least confidence of a topic that a fallback offers."""

MAX_REFUSALS = 4
"""After so many answers in a row that do not fit, a form is given up."""

MAX_DIGRESSIONS = 3
"""After so many messages in a row about something else, a form is left."""

HINT_FROM = 2
"""From this refusal on, the way out is told."""

WORDS_AROUND = 4
"""So many words more than a value needs may stand around it; a longer text that means another intent digresses."""

HELP_FROM = 2
HANDOFF_FROM = 3
"""The messages in a row that match nothing from which on help is given, and a person offered."""

N_EXAMPLES = 5


class Conversation:
    """One turn with one person.

    Parameters
    ----------
    catalog
        The intents in service.
    intents
        The same by tag.
    abilities
        Of the outside.
    message
        What the member wrote or chose.
    state
        What is remembered.
    now
        Seconds of the store's clock.
    ttl_s
        How long contexts, forms and values live, in seconds.
    random_source
        Draws among responses and prompts.
    tone
        Towards what matches nothing.
    """

    def __init__(
        self,
        catalog: IntentCatalog,
        intents: Mapping[str, Intent],
        abilities: Abilities,
        message: IncomingMessage,
        state: UserState,
        *,
        now: float,
        ttl_s: float,
        random_source: random.Random,
        tone: FallbackTone = "helpful",
    ) -> None:
        self._catalog = catalog
        self._intents = intents
        self._abilities = abilities
        self._message = message
        self._text = message.text
        self._before = state
        self._state = replace(state.a_turn_older(), forms=self._fillable(state.forms), offered=(), handoff_text=None)
        self._now = now
        self._ttl_s = ttl_s
        self._tone = tone
        self._voice = Voice(catalog, message, random_source)
        self._decision: Decision | None = None
        self._answered: str | None = None
        self._is_stale = False
        self._is_silent = False
        self._has_asked = False

    async def turn(self) -> Turn:
        """Answer the message."""
        answer = await self._answer()
        if self._is_stale:  # as if nothing had been said: what was asked before is still asked
            return Turn(Reply(answer.text), self._before, None, None, contexts=self._before.names)
        if self._is_silent:
            before = self._before
            return Turn(Reply("..."), before, self._decision, None, contexts=before.names, is_silent=True)
        if self._state.form is not None and not self._has_asked:
            answer = answer.then(self._ask(self._state.form))
        text = answer.text.strip() or "..."
        fallbacks = self._state.fallbacks if self._answered is None else 0
        state = replace(self._state, offered=answer.choices, last_answer=text, fallbacks=fallbacks)
        reply = Reply(text, choices=answer.choices, attachments=answer.attachments)
        values = self._values(self._intents[self._answered]) if self._answered is not None else {}
        return Turn(reply, state, self._decision, self._answered, values, self._before.names)

    async def _answer(self) -> Answer:
        choice_id = self._message.choice_id
        if choice_id is None and (typed := choices.typed(self._text, self._before.offered)) is not None:
            choice_id, self._text = typed.id, typed.title
        if (asked := self._before.handoff_text) is not None and (answer := await self._consent(choice_id, asked)):
            return answer
        if choice_id is not None and not choices.is_title(choice_id):
            return await self._choose(choice_id)
        if (form := self._state.form) is not None:
            return await self._continue(form)
        return await self._afresh()

    # What was chosen

    async def _choose(self, choice_id: str) -> Answer:
        form = self._state.form
        if form is not None:
            intent, slot = self._asked(form)
            for value in slot.entity.values:
                if choices.value_id(intent.tag, slot.name, value) == choice_id:
                    return await self._fill(intent, form, slot, SlotValue(value, value))
        chosen = choices.by_id(self._catalog).get(choice_id)
        active = set(self._before.names)
        if chosen is None or (chosen.context_filter and not set(chosen.context_filter) & active):
            self._is_stale = True
            return Answer(self._voice.phrase("stale"))
        return await self._begin(chosen, find=False)

    async def _consent(self, choice_id: str | None, text: str) -> Answer | None:
        is_typed = choice_id is None
        if choice_id == choices.NO or (is_typed and self._voice.is_builtin(Builtin.NO, self._text)):
            return Answer(self._voice.phrase("not_passed_on"))
        if choice_id == choices.YES or (is_typed and self._voice.is_builtin(Builtin.YES, self._text)):
            self._state = replace(self._state, fallbacks=0)
            is_passed_on = await self._abilities.hand_off(self._message, text)
            return Answer(self._voice.phrase("passed_on" if is_passed_on else "nobody"))
        return None

    # Forms

    async def _continue(self, form: Form) -> Answer:
        intent, slot = self._asked(form)
        if self._voice.is_builtin(Builtin.CANCEL, self._text):
            return self._leave(intent)
        value, refusal = None, ""
        try:
            value = await self._abilities.read(slot, self._text, self._voice.language, self._message.received_at)
        except InvalidValueError as error:
            refusal = str(error)
        meant = await self._other_intent(intent, slot, value)
        if meant is not None:
            return await self._digress(form, meant)
        if value is not None:
            return await self._fill(intent, form, slot, value)
        return self._refuse(intent, form, slot, refusal)

    async def _other_intent(self, intent: Intent, slot: Slot, value: SlotValue | None) -> Intent | None:
        """Return the intent that a message means instead of answering a prompt.

        Free text is an answer unless it equals a pattern; other values may have a few words around them.
        """
        decision = await self._classify()
        meant = self._intents.get(decision.intent) if decision.intent is not None else None
        if meant is None or meant.context_filter:
            return None
        if value is not None and meant.tag == intent.tag:
            return None
        if value is not None and decision.reason is not Reason.EXACT:
            n_around = len(self._text.split()) - len(value.text.split())
            if slot.entity.type is EntityType.TEXT or n_around < WORDS_AROUND:
                return None
        return meant

    async def _digress(self, form: Form, meant: Intent) -> Answer:
        if meant.tag == form.intent:
            return await self._begin(meant)
        if form.digressions + 1 >= MAX_DIGRESSIONS:
            self._state = self._state.without_form(form.intent)
            return (await self._begin(meant)).then(Answer(self._voice.phrase("given_up")))
        self._state = self._state.with_form(replace(form, digressions=form.digressions + 1))
        return await self._begin(meant)

    async def _fill(self, intent: Intent, form: Form, slot: Slot, value: SlotValue) -> Answer:
        self._answered = intent.tag
        return await self._next(intent, {**form.values, slot.name: value})

    def _refuse(self, intent: Intent, form: Form, slot: Slot, refusal: str) -> Answer:
        self._answered = intent.tag
        n_refusals = form.refusals + 1
        if n_refusals >= MAX_REFUSALS:
            self._state = self._state.without_form(intent.tag)
            return Answer(self._voice.phrase("given_up"))
        self._state = self._state.with_form(replace(form, refusals=n_refusals, digressions=0))
        why = self._voice.any_of(slot.invalid or (refusal,), self._values(intent))
        hint = self._voice.phrase("cancel_hint") if n_refusals >= HINT_FROM else ""
        return Answer(" ".join(part for part in (why, hint) if part))

    def _leave(self, intent: Intent) -> Answer:
        self._answered = intent.tag
        self._state = self._state.without_form(intent.tag)
        own = (one for one in self._catalog.intents if one.parent == intent.tag and one.builtin is Builtin.CANCEL)
        responses = next((one.responses for one in own), ())
        return self._say(responses, {}, {}) if responses else Answer(self._voice.phrase("cancelled"))

    def _asked(self, form: Form) -> tuple[Intent, Slot]:
        """Return what a form asks for; it is talked about in the intent's language."""
        intent = self._intents[form.intent]
        self._voice.language = intent.language or self._voice.language
        return intent, next(slot for slot in intent.slots if slot.name == form.slot)

    def _ask(self, form: Form) -> Answer:
        intent, slot = self._asked(form)
        self._has_asked = True
        return Answer(self._voice.any_of(slot.prompts, self._values(intent)), choices.of_slot(intent, slot))

    def _fillable(self, forms: Sequence[Form]) -> tuple[Form, ...]:
        """Return the forms of which a reload has left the question."""
        return tuple(
            form
            for form in forms
            if form.intent in self._intents
            and any(slot.name == form.slot and slot.prompts for slot in self._intents[form.intent].slots)
        )

    # Intents

    async def _afresh(self) -> Answer:
        decision = await self._classify()
        if decision.intent is None or decision.intent not in self._intents:
            return self._fall_back(decision)
        return await self._begin(self._intents[decision.intent])

    async def _begin(self, intent: Intent, *, find: bool = True) -> Answer:
        """Answer an intent, or ask for what it needs first."""
        self._answered = intent.tag
        self._voice.language = intent.language or self._voice.language
        known = self._form_values(intent.tag)
        found: Values = {}
        if intent.slots and find:
            found = await self._abilities.find(intent, self._text, self._voice.language, self._message.received_at)
        return await self._next(intent, {**known, **found})

    async def _next(self, intent: Intent, values: Values) -> Answer:
        missing = next((slot for slot in intent.slots if slot.required and slot.name not in values), None)
        if missing is not None:
            form = Form(intent.tag, missing.name, self._now + self._ttl_s, values)
            self._state = self._state.with_form(form)
            return self._ask(form)
        self._state = self._state.without_form(intent.tag)
        if intent.slots:
            lifetimes_s = [self._ttl_s, *(one.ttl_s for one in intent.context_set if one.ttl_s is not None)]
            self._state = self._state.with_values(intent.tag, values, self._now + max(lifetimes_s))
        return await self._complete(intent)

    async def _complete(self, intent: Intent) -> Answer:
        """Act, respond, and set what the intent sets."""
        values = self._values(intent)
        results: Mapping[str, str] = {}
        if intent.action is not None:
            apology = self._voice.filled(intent.action.apology, values)
            try:
                results = await self._abilities.act(intent, values)
            except ActionError as error:
                return Answer(error.answer or apology)
            if any(_lacks_a_result(response, results) for response in intent.responses):
                return Answer(apology)
        self._set_contexts(intent)
        if intent.builtin is Builtin.REPEAT and not intent.responses:
            return Answer(self._before.last_answer or self._voice.phrase("nothing_to_repeat"), self._before.offered)
        cancelled = Answer(self._voice.phrase("cancelled"))
        answer = self._say(intent.responses, values, results) if intent.responses else cancelled
        return answer.then(self._ask_consent()) if self._may_hand_off(is_wanted=intent.handoff) else answer

    def _set_contexts(self, intent: Intent) -> None:
        activated: Sequence[SetContext] = intent.context_set
        if intent.builtin is Builtin.REPEAT and intent.parent is not None and intent.parent in self._intents:
            activated = self._intents[intent.parent].context_set
        self._state = self._state.with_contexts(activated, now=self._now, ttl_s=self._ttl_s)
        if intent.builtin is Builtin.CANCEL:
            self._state = self._state.without_contexts(intent.context_filter)

    def _values(self, intent: Intent) -> dict[str, SlotValue]:
        """Return what is known of an intent's slots, and of those of the intents that it follows."""
        values: dict[str, SlotValue] = {}
        for one in line_of(intent, self._intents):
            values |= {**self._state.values_of(one.tag), **self._form_values(one.tag)}
        return values

    def _form_values(self, tag: str) -> Values:
        """Return what an open form of an intent holds."""
        return next((form.values for form in self._state.forms if form.intent == tag), {})

    def _say(self, responses: Sequence[Response], values: Values, results: Mapping[str, str]) -> Answer:
        response = self._voice.choose(responses, self._state.last_response, values)
        self._state = replace(self._state, last_response=response.text)
        return self._voice.spoken(response, values, results)

    # What matches nothing

    def _fall_back(self, decision: Decision) -> Answer:
        fallback = self._catalog.fallback
        if self._tone == "silent":
            self._is_silent = True
            return Answer("")
        if self._tone == "short":
            return Answer(self._say(fallback.responses, {}, {}).text.splitlines()[0])
        n_fallbacks = self._state.fallbacks + 1
        self._state = replace(self._state, fallbacks=n_fallbacks)
        if n_fallbacks >= HANDOFF_FROM and self._may_hand_off(is_wanted=fallback.handoff):
            return self._say(fallback.responses, {}, {}).then(self._ask_consent())
        if n_fallbacks == HELP_FROM and (fallback.help or fallback.did_you_mean):
            return Answer(self._voice.any_of(fallback.help, {}) or self._examples())
        answer = self._say(fallback.responses, {}, {})
        likely = self._likely(decision) if fallback.did_you_mean else ()
        if not likely:
            return answer
        text = f"{answer.text}\n{self._voice.filled(fallback.did_you_mean, {})}"
        return Answer(text, choices.of_intents(likely), answer.attachments)

    def _examples(self) -> str:
        return "\n".join(
            [self._voice.phrase("examples"), *(f"- {text}" for text in self._catalog.examples(N_EXAMPLES))]
        )

    def _likely(self, decision: Decision) -> tuple[Intent, ...]:
        if decision.reason not in {Reason.BELOW_THRESHOLD, Reason.AMBIGUOUS}:
            return ()
        return tuple(
            self._intents[ranked.tag]
            for ranked in decision.ranking[:N_LIKELY]
            if ranked.confidence >= LEAST_LIKELY and ranked.tag in self._intents
        )

    def _may_hand_off(self, *, is_wanted: bool) -> bool:
        return is_wanted and self._abilities.can_hand_off(self._message.platform)

    def _ask_consent(self) -> Answer:
        self._state = replace(self._state, handoff_text=self._text)
        self._has_asked = True
        options = (
            ReplyChoice(choices.YES, self._voice.phrase("yes")),
            ReplyChoice(choices.NO, self._voice.phrase("no")),
        )
        return Answer(self._voice.phrase("consent"), options)

    async def _classify(self) -> Decision:
        """Decide about the text; a member's language is a preference, for a text may be in another."""
        if self._decision is None:
            active, language = self._before.names, self._voice.language
            known = language if language in self._catalog.languages else None
            decision = await self._abilities.classify(self._text, active, known)
            if decision.intent is None and known is not None:
                anyway = await self._abilities.classify(self._text, active, None)
                decision = anyway if anyway.intent is not None else decision
            self._decision = decision
        return self._decision


def _lacks_a_result(response: Response, results: Mapping[str, str]) -> bool:
    names = placeholder_names(response.text)
    return any(name not in results for name in names if name == "result" or name.startswith("result."))
