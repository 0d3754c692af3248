"""The commands that admins have, as data."""

from adapters.base import Argument, Command, Menu

EXPORT, CLEAR = "export", "clear"
"""What `/admin unanswered` does beside showing."""

_RELOAD = "Load the trained model and the intents file anew (admins)"
_RELOAD_DESCRIPTIONS = {
    "de": "Das trainierte Modell und die Intents-Datei neu laden (Admins)",
    "es": "Volver a cargar el modelo entrenado y el archivo de intenciones (admins)",
}

_VERSION = Argument(
    "version",
    "Which model; without it, the one before",
    {"de": "Welches Modell; ohne Angabe das vorige", "es": "Qué modelo; si falta, el anterior"},
    is_required=False,
    is_completed=True,
)
_ANSWER = Argument(
    "answer",
    "The answer's id; without it, the last answer here",
    {"de": "Die Kennung der Antwort; ohne sie die letzte hier", "es": "El id de la respuesta; si falta, la última"},
    is_required=False,
)
_ACTION = Argument(
    "action",
    "export: everything as a file; clear: forget it all",
    {"de": "export: alles als Datei; clear: alles löschen", "es": "export: todo en un archivo; clear: borrarlo todo"},
    is_required=False,
    values=(EXPORT, CLEAR),
)
_INTENT = Argument(
    "intent",
    "What the pattern means",
    {"de": "Was das Muster bedeutet", "es": "Lo que significa el ejemplo"},
    is_completed=True,
)
_PATTERN = Argument(
    "pattern",
    "A question or sentence, in your own words",
    {"de": "Eine Frage oder ein Satz, in eigenen Worten", "es": "Una pregunta o frase, con tus palabras"},
)

ADMIN_COMMANDS = (
    Command("admin reload", _RELOAD, admin_only=True, descriptions=_RELOAD_DESCRIPTIONS),
    Command("reload", _RELOAD, admin_only=True, descriptions=_RELOAD_DESCRIPTIONS),
    Command(
        "admin rollback",
        "Go back to an earlier model (admins)",
        (_VERSION,),
        admin_only=True,
        descriptions={
            "de": "Zu einem früheren Modell zurückkehren (Admins)",
            "es": "Volver a un modelo anterior (admins)",
        },
    ),
    Command(
        "admin retrain",
        "Train a model on the intents as they are now, and use it if it passes (admins)",
        admin_only=True,
        is_long=True,
        descriptions={
            "de": "Ein Modell mit den jetzigen Intents trainieren und nutzen, wenn es besteht (Admins)",
            "es": "Entrenar un modelo con las intenciones actuales y usarlo si supera las pruebas (admins)",
        },
    ),
    Command(
        "admin stats",
        "Messages, answers, votes and memory since the start (admins)",
        admin_only=True,
        descriptions={
            "de": "Nachrichten, Antworten, Stimmen und Speicher seit dem Start (Admins)",
            "es": "Mensajes, respuestas, votos y memoria desde el inicio (admins)",
        },
    ),
    Command(
        "admin why",
        "Why I gave an answer: reply to it, or the last one here (admins)",
        (_ANSWER,),
        admin_only=True,
        descriptions={
            "de": "Warum ich so geantwortet habe: als Antwort darauf, oder die letzte hier (Admins)",
            "es": "Por qué di una respuesta: respóndela, o la última de aquí (admins)",
        },
        menu=Menu("Why this answer?", {"de": "Warum diese Antwort?", "es": "¿Por qué esta respuesta?"}),
    ),
    Command(
        "admin unanswered",
        "What I could not answer, or was voted down (admins)",
        (_ACTION,),
        admin_only=True,
        descriptions={
            "de": "Was ich nicht beantworten konnte oder schlecht bewertet wurde (Admins)",
            "es": "Lo que no supe responder o fue mal valorado (admins)",
        },
    ),
    Command(
        "admin teach",
        "Add a pattern, which you type yourself, to an intent (admins)",
        (_INTENT, _PATTERN),
        admin_only=True,
        descriptions={
            "de": "Einem Intent ein selbst geschriebenes Muster hinzufügen (Admins)",
            "es": "Añadir a una intención un ejemplo escrito por ti (admins)",
        },
        menu=Menu("Teach this", {"de": "Das beibringen", "es": "Enseñar esto"}),
    ),
    Command(
        "admin undo",
        "Take back the pattern that was taught last (admins)",
        admin_only=True,
        descriptions={
            "de": "Das zuletzt beigebrachte Muster zurücknehmen (Admins)",
            "es": "Deshacer el último ejemplo enseñado (admins)",
        },
    ),
)
