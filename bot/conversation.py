"""One turn of a conversation: a message and what is remembered in, an answer and what to remember out.

In this order: a chosen option; consent to be passed on to a person; the form being filled in; the classifier.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace

from adapters.base import IncomingMessage, Reply, ReplyAttachment, ReplyChoice
from bot import choices
from bot.actions import ActionError
from bot.context import Form, UserState
from bot.entities import InvalidValueError, SlotValue
from bot.responses import choose, fill_response
from bot.turn import Abilities, Answer, Turn
from intents.builtin import builtin_patterns
from intents.catalog import Attachment, Builtin, EntityType, Intent, IntentCatalog, Response, SetContext, Slot
from intents.phrases import PHRASES, PhraseName
from model.decision import Decision, Reason
from model.text import normalise

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
    abilities
        Of the outside.
    message
        What the member wrote or chose.
    state
        What is remembered.
    now
        Seconds of the store's clock.
    ttl_s
        How long contexts and forms live, in seconds.
    random_source
        Draws among responses and prompts.
    """

    def __init__(
        self,
        catalog: IntentCatalog,
        abilities: Abilities,
        message: IncomingMessage,
        state: UserState,
        *,
        now: float,
        ttl_s: float,
        random_source: random.Random,
    ) -> None:
        self._catalog = catalog
        self._intents = {intent.tag: intent for intent in catalog.intents}
        self._abilities = abilities
        self._message = message
        self._text = message.text
        self._active = state.names
        self._state = replace(state.a_turn_older(), forms=self._fillable(state.forms), offered=(), handoff_text=None)
        self._offered = state.offered
        self._handoff_text = state.handoff_text
        self._now = now
        self._ttl_s = ttl_s
        self._random = random_source
        self._language = (message.locale or "").replace("_", "-").split("-")[0].casefold() or None
        self._decision: Decision | None = None
        self._answered: str | None = None

    async def turn(self) -> Turn:
        """Answer the message."""
        answer = await self._answer()
        text = answer.text.strip() or "..."
        state = replace(self._state, offered=answer.choices, last_answer=text)
        if self._answered is not None:
            state = replace(state, fallbacks=0)
        reply = Reply(text, choices=answer.choices, attachments=answer.attachments)
        return Turn(reply, state, self._decision, self._answered)

    async def _answer(self) -> Answer:
        choice_id = self._message.choice_id
        if choice_id is None and (typed := choices.typed(self._text, self._offered)) is not None:
            choice_id, self._text = typed.id, typed.title
        if self._handoff_text is not None and (answer := await self._consent(choice_id, self._handoff_text)):
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
            intent = self._intents[form.intent]
            slot = _slot(intent, form.slot)
            value = next(
                (one for one in slot.entity.values if choices.value_id(intent.tag, slot.name, one) == choice_id), None
            )
            if value is not None:
                return await self._fill(intent, form, slot, SlotValue(value, value))
        chosen = choices.by_id(self._catalog).get(choice_id)
        if chosen is None or (chosen.context_filter and not set(chosen.context_filter) & set(self._active)):
            return Answer(self._phrase("stale"))
        return await self._begin(chosen, find=False)

    async def _consent(self, choice_id: str | None, text: str) -> Answer | None:
        said = normalise(self._text)
        if choice_id == choices.NO or (choice_id is None and self._is_builtin(Builtin.NO, said)):
            return Answer(self._phrase("not_passed_on"))
        if choice_id == choices.YES or (choice_id is None and self._is_builtin(Builtin.YES, said)):
            self._state = replace(self._state, fallbacks=0)
            passed_on = await self._abilities.hand_off(self._message, text)
            return Answer(self._phrase("passed_on") if passed_on else self._phrase("nobody"))
        return None

    # Forms

    async def _continue(self, form: Form) -> Answer:
        intent = self._intents[form.intent]
        slot = _slot(intent, form.slot)
        if self._is_builtin(Builtin.CANCEL, normalise(self._text)):
            return self._leave(intent)
        try:
            value = await self._abilities.read(slot, self._text, self._language, self._message.received_at)
        except InvalidValueError as error:
            value, refusal = None, str(error)
        if value is not None and slot.entity.type is EntityType.TEXT and form.digressions:
            value, refusal = None, ""
        meant = await self._other_intent(intent, slot, value)
        if meant is not None:
            return await self._digress(form, meant)
        if value is not None:
            return await self._fill(intent, form, slot, value)
        return self._refuse(intent, form, slot, refusal)

    async def _other_intent(self, intent: Intent, slot: Slot, value: SlotValue | None) -> Intent | None:
        """Return the intent that a message means instead of answering a prompt."""
        decision = await self._classify()
        meant = self._intents.get(decision.intent) if decision.intent is not None else None
        if meant is None or meant.context_filter:
            return None
        if value is not None and decision.reason is not Reason.EXACT:
            n_around = len(self._text.split()) - len(value.text.split())
            if slot.entity.type is EntityType.TEXT or n_around < WORDS_AROUND:
                return None
        if value is not None and meant.tag == intent.tag:
            return None
        return meant

    async def _digress(self, form: Form, meant: Intent) -> Answer:
        if meant.tag == form.intent:
            return await self._begin(meant)
        n_digressions = form.digressions + 1
        if n_digressions >= MAX_DIGRESSIONS:
            self._state = self._state.without_form(form.intent)
        else:
            self._state = self._state.with_form(replace(form, digressions=n_digressions))
        answer = await self._begin(meant)
        is_resumed = self._state.form is not None and self._state.form.intent == form.intent
        return answer.then(self._ask_again()) if is_resumed and n_digressions == 1 else answer

    async def _fill(self, intent: Intent, form: Form, slot: Slot, value: SlotValue) -> Answer:
        self._answered = intent.tag
        return await self._next(intent, {**form.values, slot.name: value})

    def _refuse(self, intent: Intent, form: Form, slot: Slot, refusal: str) -> Answer:
        self._answered = intent.tag
        n_refusals = form.refusals + 1
        if n_refusals >= MAX_REFUSALS:
            self._state = self._state.without_form(intent.tag)
            return Answer(self._phrase("given_up"))
        self._state = self._state.with_form(replace(form, refusals=n_refusals, digressions=0))
        why = self._random.choice(slot.invalid) if slot.invalid else refusal
        hint = self._phrase("cancel_hint") if n_refusals >= HINT_FROM else ""
        return Answer(" ".join(part for part in (self._filled(why, form.values), hint) if part)).then(
            self._prompt(intent, slot, form.values)
        )

    def _leave(self, intent: Intent) -> Answer:
        self._answered = intent.tag
        self._state = self._state.without_form(intent.tag)
        own = next(
            (one for one in self._catalog.intents if one.parent == intent.tag and one.builtin is Builtin.CANCEL), None
        )
        answer = (
            self._say(own.responses, {}) if own is not None and own.responses else Answer(self._phrase("cancelled"))
        )
        return answer.then(self._ask_again()) if self._state.form is not None else answer

    def _ask_again(self) -> Answer:
        """Return the prompt of the form that is being filled in."""
        form = self._state.form
        if form is None:
            return Answer("")
        intent = self._intents[form.intent]
        return self._prompt(intent, _slot(intent, form.slot), form.values)

    def _prompt(self, intent: Intent, slot: Slot, values: Mapping[str, SlotValue]) -> Answer:
        return Answer(self._filled(self._random.choice(slot.prompts), values), choices.of_slot(intent, slot))

    # Intents

    async def _afresh(self) -> Answer:
        decision = await self._classify()
        if decision.intent is None or decision.intent not in self._intents:
            return self._fall_back(decision)
        return await self._begin(self._intents[decision.intent])

    async def _begin(self, intent: Intent, *, find: bool = True) -> Answer:
        """Answer an intent, or ask for what it needs first."""
        self._answered = intent.tag
        known = next((form.values for form in self._state.forms if form.intent == intent.tag), {})
        found: Mapping[str, SlotValue] = {}
        if intent.slots and find:
            found = await self._abilities.find(intent, self._text, self._language, self._message.received_at)
        return await self._next(intent, {**known, **found})

    async def _next(self, intent: Intent, values: Mapping[str, SlotValue]) -> Answer:
        missing = next((slot for slot in intent.slots if slot.required and slot.name not in values), None)
        if missing is not None:
            self._state = self._state.with_form(Form(intent.tag, missing.name, self._now + self._ttl_s, values))
            return self._prompt(intent, missing, values)
        self._state = self._state.without_form(intent.tag)
        if intent.slots:
            self._state = replace(self._state, slots=values, slots_expire_at=self._now + self._ttl_s)
        answer = await self._complete(intent)
        return answer.then(self._ask_again()) if intent.slots and self._state.form is not None else answer

    async def _complete(self, intent: Intent) -> Answer:
        """Act, respond, and set what the intent sets."""
        placeholders: Mapping[str, str] = {}
        if intent.action is not None:
            try:
                placeholders = await self._abilities.act(intent, self._state.slots, self._placeholders({}))
            except ActionError as error:
                return Answer(error.answer or self._filled(intent.action.apology, self._state.slots))
        self._set_contexts(intent)
        if intent.builtin is Builtin.REPEAT and not intent.responses:
            return Answer(self._state.last_answer or self._phrase("nothing_to_repeat"), self._offered)
        answer = self._say(intent.responses, placeholders) if intent.responses else Answer(self._phrase("cancelled"))
        return answer.then(self._ask_consent()) if self._may_hand_off(intent.handoff) else answer

    def _set_contexts(self, intent: Intent) -> None:
        activated: Sequence[SetContext] = intent.context_set
        if intent.builtin is Builtin.REPEAT and intent.parent in self._intents:
            activated = self._intents[intent.parent].context_set
        self._state = self._state.with_contexts(activated, now=self._now, ttl_s=self._ttl_s)
        if intent.builtin is Builtin.CANCEL:
            left = set(intent.context_filter)
            kept = tuple(context for context in self._state.contexts if context.name not in left)
            self._state = replace(self._state, contexts=kept)

    def _say(self, responses: Sequence[Response], placeholders: Mapping[str, str]) -> Answer:
        state = self._state
        filled = {**self._placeholders(state.slots), **placeholders}
        response = choose(
            responses,
            state.last_response,
            self._random,
            filled=filled.keys(),
            platform=self._message.platform,
            language=self._language,
            slots=state.slots,
        )
        self._state = replace(state, last_response=response.text)
        text = fill_response(response.text, filled)
        return Answer(text, choices.of_response(response.choices), tuple(map(_attached, response.attachments)))

    # What matches nothing

    def _fall_back(self, decision: Decision) -> Answer:
        fallback = self._catalog.fallback
        n_fallbacks = self._state.fallbacks + 1
        self._state = replace(self._state, fallbacks=n_fallbacks)
        if n_fallbacks >= HANDOFF_FROM and self._may_hand_off(fallback.handoff):
            return self._say(fallback.responses, {}).then(self._ask_consent())
        if n_fallbacks == HELP_FROM and fallback.did_you_mean:
            return Answer(self._filled(self._random.choice(fallback.help), {}) if fallback.help else self._examples())
        answer = self._say(fallback.responses, {})
        likely = self._likely(decision) if fallback.did_you_mean else ()
        if not likely:
            return answer
        return Answer(f"{answer.text}\n{fallback.did_you_mean}", choices.of_intents(likely), answer.attachments)

    def _examples(self) -> str:
        return "\n".join([self._phrase("examples"), *(f"- {text}" for text in self._catalog.examples(N_EXAMPLES))])

    def _likely(self, decision: Decision) -> tuple[Intent, ...]:
        if decision.reason not in {Reason.BELOW_THRESHOLD, Reason.AMBIGUOUS}:
            return ()
        return tuple(
            self._intents[ranked.tag]
            for ranked in decision.ranking[:N_LIKELY]
            if ranked.confidence >= LEAST_LIKELY and ranked.tag in self._intents
        )

    def _may_hand_off(self, is_wanted: bool) -> bool:
        return is_wanted and self._abilities.can_hand_off(self._message.platform)

    def _ask_consent(self) -> Answer:
        self._state = replace(self._state, handoff_text=self._text)
        options = (ReplyChoice(choices.YES, self._phrase("yes")), ReplyChoice(choices.NO, self._phrase("no")))
        return Answer(self._phrase("consent"), options)

    # Words

    def _fillable(self, forms: Sequence[Form]) -> tuple[Form, ...]:
        """Return the forms whose intent a reload has left with slots."""
        return tuple(form for form in forms if form.intent in self._intents and self._intents[form.intent].slots)

    async def _classify(self) -> Decision:
        """Decide about the text; a member's language is a preference, for a text may be in another."""
        if self._decision is None:
            language = self._language if self._language in self._catalog.languages else None
            decision = await self._abilities.classify(self._text, self._active, language)
            if decision.intent is None and language is not None:
                anyway = await self._abilities.classify(self._text, self._active, None)
                decision = anyway if anyway.intent is not None else decision
            self._decision = decision
            meant = self._intents.get(decision.intent) if decision.intent is not None else None
            if meant is not None and meant.language is not None:
                self._language = meant.language
        return self._decision

    def _is_builtin(self, builtin: Builtin, normalised: str) -> bool:
        languages = {*self._catalog.languages, self._language, None}
        return any(
            normalised == normalise(one) for language in languages for one in builtin_patterns(builtin, language)
        )

    def _phrase(self, name: PhraseName) -> str:
        """Return the catalog's own words, in the member's language if it has them, else ours."""
        own = self._catalog.phrases
        return own.get(self._language or "", {}).get(name) or own.get("", {}).get(name) or PHRASES[name]

    def _filled(self, text: str, values: Mapping[str, SlotValue]) -> str:
        return fill_response(text, self._placeholders(values)) if text else ""

    def _placeholders(self, values: Mapping[str, SlotValue]) -> dict[str, str]:
        own = {"display_name": self._message.display_name, "server": self._message.server_name}
        return {name: value.text for name, value in values.items()} | own


def _slot(intent: Intent, name: str) -> Slot:
    """Return a slot that is asked for; the first if a reload took that one away."""
    return next((slot for slot in intent.slots if slot.name == name), intent.slots[0])


def _attached(attachment: Attachment) -> ReplyAttachment:
    return ReplyAttachment(attachment.source, attachment.is_image)
