"""The commands that members have, as data."""

from adapters.base import Argument, Command, Menu

QUESTION = Argument(
    "question",
    "What you want to know",
    {"de": "Was du wissen möchtest", "es": "Lo que quieres saber"},
)

MEMBER_COMMANDS = (
    Command(
        "ask",
        "Ask me a question",
        (QUESTION,),
        public=True,
        descriptions={"de": "Stelle mir eine Frage", "es": "Hazme una pregunta"},
        menu=Menu("Answer this", {"de": "Beantworte das", "es": "Responde a esto"}, takes_text=True),
    ),
    Command(
        "help",
        "What I can do, and how to ask",
        descriptions={"de": "Was ich kann, und wie man mich fragt", "es": "Qué sé hacer y cómo preguntarme"},
    ),
    Command(
        "reset",
        "Forget our conversation and start afresh",
        descriptions={
            "de": "Unser Gespräch vergessen und neu anfangen",
            "es": "Olvidar nuestra conversación y empezar de nuevo",
        },
    ),
    Command(
        "privacy",
        "What I keep about you, and how long",
        descriptions={
            "de": "Was ich über dich speichere, und wie lange",
            "es": "Qué guardo sobre ti y durante cuánto tiempo",
        },
    ),
    Command(
        "forgetme",
        "Delete everything that I keep about you",
        descriptions={
            "de": "Alles löschen, was ich über dich gespeichert habe",
            "es": "Borrar todo lo que guardo sobre ti",
        },
    ),
)
