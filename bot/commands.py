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
)
