"""What the bot says to members about itself, in every language that it speaks. Standard library only.

What a catalog may say in words of its own is in `intents.phrases`; what only admins read is English and stands where it
is said.
"""

from collections.abc import Mapping
from typing import Literal

Language = Literal["en", "de", "es"]

DEFAULT: Language = "en"


def language_of(locale: str | None) -> str | None:
    """Return the language of an IETF tag: ``"de"`` of ``"de-AT"``; None of none."""
    return (locale or "").replace("_", "-").split("-")[0].casefold() or None


def say(name: str, locale: str | None, **values: object) -> str:
    """Return what the bot says, in the language of a locale if it speaks it, else in English.

    Parameters
    ----------
    name
        Of the sentence, as `WORDS` has it.
    locale
        An IETF tag, if it is known.
    values
        What the sentence leaves open, by name.
    """
    return _in_language(WORDS[name], locale).format_map(values)


def _in_language(sentences: Mapping[Language, str], locale: str | None) -> str:
    language = language_of(locale)
    return next((text for code, text in sentences.items() if code == language), sentences[DEFAULT])


WORDS: Mapping[str, Mapping[Language, str]] = {
    "apology": {
        "en": "Sorry, something went wrong on my side. Please try again in a moment.",
        "de": "Da ist bei mir leider etwas schiefgegangen. Bitte versuche es gleich noch einmal.",
        "es": "Lo siento, algo ha fallado por mi parte. Inténtalo de nuevo en un momento.",
    },
    "admins_only": {
        "en": "Only admins of this bot can do that.",
        "de": "Das können nur Admins dieses Bots.",
        "es": "Solo los admins de este bot pueden hacer eso.",
    },
    "reset": {
        "en": "Done. I have forgotten what we were talking about.",
        "de": "Erledigt. Ich habe vergessen, worüber wir gesprochen haben.",
        "es": "Hecho. He olvidado de qué estábamos hablando.",
    },
    "unknown_command": {
        "en": "I do not know the command /{command}. /help lists those I know.",
        "de": "Den Befehl /{command} kenne ich nicht. /help zeigt alle, die ich kenne.",
        "es": "No conozco el comando /{command}. /help muestra los que conozco.",
    },
    "commands": {"en": "Commands:", "de": "Befehle:", "es": "Comandos:"},
    "slow_down": {
        "en": "You are writing faster than I can answer. Please wait a moment, then go on.",
        "de": "Du schreibst schneller, als ich antworten kann. Warte bitte kurz und mach dann weiter.",
        "es": "Escribes más rápido de lo que puedo responder. Espera un momento y luego sigue.",
    },
    "crowded": {
        "en": "So much is being asked here that I cannot keep up. Please try again in a moment.",
        "de": "Hier wird gerade so viel gefragt, dass ich nicht nachkomme. Bitte versuche es gleich noch einmal.",
        "es": "Aquí me preguntan tanto que no doy abasto. Inténtalo de nuevo en un momento.",
    },
    "silent_here": {
        "en": "I have been asked to stay silent here. Ask me in another channel, or in a direct message.",
        "de": "Hier soll ich still sein. Frag mich in einem anderen Kanal oder in einer Direktnachricht.",
        "es": "Aquí me han pedido silencio. Pregúntame en otro canal o en un mensaje directo.",
    },
    "only_text": {
        "en": "I can only read text: of voice messages, stickers, pictures and files I understand nothing. What would"
        " you like to know?",
        "de": "Ich kann nur Text lesen: Sprachnachrichten, Sticker, Bilder und Dateien verstehe ich nicht. Was möchtest"
        " du wissen?",
        "es": "Solo sé leer texto: no entiendo mensajes de voz, stickers, imágenes ni archivos. ¿Qué quieres saber?",
    },
    "greeting": {
        "en": "Hello, and thank you for having me! I answer questions about this community.\n\n"
        "{how}\n\n"
        "You can ask me, for example:\n{examples}\n\n"
        "{who_sees} /privacy says what I remember, /help what else I can do.",
        "de": "Hallo, und danke für die Einladung! Ich beantworte Fragen rund um diese Gemeinschaft.\n\n"
        "{how}\n\n"
        "Frag mich zum Beispiel:\n{examples}\n\n"
        "{who_sees} /privacy sagt, was ich mir merke, /help, was ich noch kann.",
        "es": "¡Hola, y gracias por invitarme! Respondo preguntas sobre esta comunidad.\n\n"
        "{how}\n\n"
        "Puedes preguntarme, por ejemplo:\n{examples}\n\n"
        "{who_sees} /privacy dice qué recuerdo, /help qué más sé hacer.",
    },
    "how_discord": {
        "en": "Mention me, reply to me, or use /ask.",
        "de": "Erwähne mich, antworte auf eine Nachricht von mir oder nutze /ask.",
        "es": "Mencióname, respóndeme o usa /ask.",
    },
    "how_telegram": {
        "en": "Mention me, reply to me, or write /ask and your question.",
        "de": "Erwähne mich, antworte auf eine Nachricht von mir oder schreibe /ask und deine Frage.",
        "es": "Mencióname, respóndeme o escribe /ask y tu pregunta.",
    },
    "who_sees": {
        "en": "Everyone here can read my answers; if only you should, write to me directly.",
        "de": "Meine Antworten können hier alle lesen; sollen sie nur für dich sein, schreibe mir direkt.",
        "es": "Todos aquí pueden leer mis respuestas; si son solo para ti, escríbeme en privado.",
    },
    "voted_up": {
        "en": "Thank you, I am glad that helped.",
        "de": "Danke, das freut mich.",
        "es": "Gracias, me alegra haber ayudado.",
    },
    "voted_down": {
        "en": "Thank you. The admins see which answers do not help.",
        "de": "Danke. Die Admins sehen, welche Antworten nicht weiterhelfen.",
        "es": "Gracias. Los admins ven qué respuestas no ayudan.",
    },
    "vote_closed": {
        "en": "This answer can no longer be voted on.",
        "de": "Über diese Antwort kann nicht mehr abgestimmt werden.",
        "es": "Ya no se puede votar esta respuesta.",
    },
    "votes_off": {
        "en": "Votes are switched off here.",
        "de": "Abstimmen ist hier abgeschaltet.",
        "es": "Aquí los votos están desactivados.",
    },
    "forgotten": {
        "en": "Done. Everything that I kept about you is deleted: in every conversation on this platform, and for"
        " good.",
        "de": "Erledigt. Alles, was ich über dich gespeichert hatte, ist gelöscht: in allen Gesprächen auf dieser"
        " Plattform, und endgültig.",
        "es": "Hecho. Todo lo que guardaba sobre ti está borrado: en todas las conversaciones de esta plataforma y para"
        " siempre.",
    },
    "forgotten_but": {
        "en": "Only how fast you wrote I still know, without your id, for {duration} at the most: otherwise this would"
        " be a way round the limit.",
        "de": "Nur wie schnell du geschrieben hast, weiß ich noch, ohne deine ID und höchstens {duration} lang: sonst"
        " ließe sich so die Grenze umgehen.",
        "es": "Solo sé todavía lo rápido que escribías, sin tu id y durante {duration} como máximo: de lo contrario,"
        " esto permitiría eludir el límite.",
    },
    "privacy": {
        "en": "What I keep about you, and for how long:",
        "de": "Was ich über dich speichere, und wie lange:",
        "es": "Lo que guardo sobre ti y durante cuánto tiempo:",
    },
    "privacy_contexts": {
        "en": "What we are talking about, so that I understand what follows: in memory, for {duration}, and never"
        " longer than I run. An intent may set another time.",
        "de": "Worüber wir gerade sprechen, damit ich verstehe, was folgt: im Arbeitsspeicher, {duration} lang, und nie"
        " länger, als ich laufe. Einzelne Themen können eine andere Zeit setzen.",
        "es": "De qué estamos hablando, para entender lo que sigue: en memoria, durante {duration}, y nunca más de lo"
        " que estoy en marcha. Algunos temas pueden fijar otro plazo.",
    },
    "privacy_contexts_shared": {
        "en": "What we are talking about, so that I understand what follows, with your id: for {duration}. An intent"
        " may set another time.",
        "de": "Worüber wir gerade sprechen, damit ich verstehe, was folgt, mit deiner ID: {duration} lang. Einzelne"
        " Themen können eine andere Zeit setzen.",
        "es": "De qué estamos hablando, para entender lo que sigue, con tu id: durante {duration}. Algunos temas pueden"
        " fijar otro plazo.",
    },
    "privacy_shared": {
        "en": "I run as several processes, which keep all this but your questions and the inbox in a database of"
        " whoever runs me. It may write it to its disk, and keeps it while I do not run. That you had me forget you"
        " is kept there for {days} days, as a code without your id, for processes that are stopped.",
        "de": "Ich laufe als mehrere Prozesse; alles bis auf deine Fragen und den Posteingang steht in einer Datenbank"
        " des Betreibers. Sie kann es auf ihre Festplatte schreiben und behält es auch, wenn ich nicht laufe."
        " Dass ich dich vergessen sollte, steht dort {days} Tage lang, als Code ohne deine ID, für Prozesse, die"
        " stillstehen.",
        "es": "Funciono como varios procesos, que guardan todo esto, salvo tus preguntas y lo no respondido, en una"
        " base de datos de quien me gestiona. Puede escribirlo en su disco y lo conserva aunque yo no esté en marcha."
        " Que pediste que te olvidara consta allí durante {days} días, como un código sin tu id, para los procesos"
        " detenidos.",
    },
    "privacy_answers": {
        "en": "Your questions and how I answered them, so that admins can see why I said something: in memory, for"
        " {duration}.",
        "de": "Deine Fragen und wie ich sie beantwortet habe, damit Admins sehen können, warum ich etwas gesagt habe:"
        " im Arbeitsspeicher, {duration} lang.",
        "es": "Tus preguntas y cómo las respondí, para que los admins puedan ver por qué dije algo: en memoria, durante"
        " {duration}.",
    },
    "privacy_votes": {
        "en": "Your thumbs under answers, with your id, so that each counts once: on the disk of whoever runs me, for"
        " {days} days.",
        "de": "Deine Daumen unter Antworten, mit deiner ID, damit jeder einmal zählt: auf der Festplatte des"
        " Betreibers, {days} Tage lang.",
        "es": "Tus pulgares en las respuestas, con tu id, para que cada uno cuente una vez: en el disco de quien me"
        " gestiona, durante {days} días.",
    },
    "privacy_inbox_counts": {
        "en": "How often questions were not answered or voted down, without ids or texts: on disk, for {days} days.",
        "de": "Wie oft Fragen unbeantwortet blieben oder schlecht bewertet wurden, ohne IDs und Texte: auf der"
        " Festplatte, {days} Tage lang.",
        "es": "Cuántas veces quedaron preguntas sin respuesta o fueron mal valoradas, sin ids ni textos: en disco,"
        " durante {days} días.",
    },
    "privacy_inbox_text": {
        "en": "The text of questions that I could not answer or that were voted down, with your id, so that admins can"
        " improve me: on disk, for {days} days.",
        "de": "Den Text von Fragen, die ich nicht beantworten konnte oder die schlecht bewertet wurden, mit deiner ID,"
        " damit Admins mich verbessern können: auf der Festplatte, {days} Tage lang.",
        "es": "El texto de preguntas que no pude responder o que fueron mal valoradas, con tu id, para que los admins"
        " puedan mejorarme: en disco, durante {days} días.",
    },
    "privacy_cooldown": {
        "en": "How fast you write, against floods, without your id: in memory, for {duration} at the most.",
        "de": "Wie schnell du schreibst, gegen Überflutung, ohne deine ID: im Arbeitsspeicher, höchstens {duration}"
        " lang.",
        "es": "Lo rápido que escribes, contra inundaciones, sin tu id: en memoria, durante {duration} como máximo.",
    },
    "privacy_media": {
        "en": "That I told you once that I read only text: in memory, for a day.",
        "de": "Dass ich dir schon gesagt habe, dass ich nur Text lese: im Arbeitsspeicher, einen Tag lang.",
        "es": "Que ya te dije que solo leo texto: en memoria, durante un día.",
    },
    "privacy_handoff": {
        "en": "If you ask for a person and say yes, the admins get your name, your id and your message in their chat;"
        " what they keep there is not up to me.",
        "de": "Wenn du nach einem Menschen fragst und zustimmst, bekommen die Admins deinen Namen, deine ID und deine"
        " Nachricht in ihren Chat; was dort bleibt, liegt nicht bei mir.",
        "es": "Si pides hablar con una persona y aceptas, los admins reciben tu nombre, tu id y tu mensaje en su"
        " chat; lo que queda allí no depende de mí.",
    },
    "privacy_counts": {
        "en": "Beside that I count messages, and keep the numbers of the last ones so that I answer none twice, without"
        " your id or your words. Nothing goes to third parties, and nothing that you write trains me.",
        "de": "Daneben zähle ich Nachrichten und merke mir die Nummern der letzten, um keine zweimal zu beantworten,"
        " ohne deine ID und deine Worte. Nichts geht an Dritte, und nichts, was du schreibst, trainiert mich.",
        "es": "Además cuento mensajes y guardo los números de los últimos para no responder dos veces, sin tu id ni tus"
        " palabras. Nada va a terceros y nada de lo que escribes me entrena.",
    },
    "privacy_actions": {
        "en": "Some answers are looked up elsewhere: what you fill in for them is sent to the address that the operator"
        " has set.",
        "de": "Manche Antworten werden anderswo nachgeschlagen: was du dafür angibst, geht an die Adresse, die der"
        " Betreiber eingestellt hat.",
        "es": "Algunas respuestas se consultan en otro lugar: lo que indicas para ellas se envía a la dirección que"
        " fijó el operador.",
    },
    "privacy_forget": {
        "en": "/forgetme deletes all of it at once, in every conversation on this platform; /reset ends our"
        " conversation here.",
        "de": "/forgetme löscht das alles sofort, in allen Gesprächen auf dieser Plattform; /reset beendet unser"
        " Gespräch hier.",
        "es": "/forgetme lo borra todo de inmediato, en todas las conversaciones de esta plataforma; /reset termina"
        " nuestra conversación aquí.",
    },
    "busy": {
        "en": "I have more messages than I can answer just now, and yours is not among them. Please try again in a"
        " minute.",
        "de": "Ich habe gerade mehr Nachrichten, als ich beantworten kann, und deine ist nicht dabei. Bitte versuche es"
        " in einer Minute noch einmal.",
        "es": "Tengo más mensajes de los que puedo responder, y el tuyo no está entre ellos. Inténtalo de nuevo en un"
        " minuto.",
    },
    "vote_busy": {
        "en": "I have more to do than I can manage just now, and your vote was not counted. Please try again in a"
        " minute.",
        "de": "Ich habe gerade mehr zu tun, als ich schaffe, und deine Stimme wurde nicht gezählt. Bitte versuche es in"
        " einer Minute noch einmal.",
        "es": "Tengo más trabajo del que puedo atender, y tu voto no se ha contado. Inténtalo de nuevo en un minuto.",
    },
    "not_yours": {
        "en": "Only the person who was asked can choose here.",
        "de": "Hier kann nur wählen, wer gefragt wurde.",
        "es": "Aquí solo puede elegir la persona a la que pregunté.",
    },
    "unheard": {
        "en": "I can only read messages that mention me. Mention me by my name, or use /ask.",
        "de": "Ich kann nur Nachrichten lesen, die mich erwähnen. Erwähne mich mit meinem Namen oder nutze /ask.",
        "es": "Solo puedo leer mensajes que me mencionan. Mencióname por mi nombre o usa /ask.",
    },
    "command_gone": {
        "en": "This command is gone. Restart Discord to see those that are there now.",
        "de": "Diesen Befehl gibt es nicht mehr. Starte Discord neu, um die jetzigen zu sehen.",
        "es": "Este comando ya no existe. Reinicia Discord para ver los que hay ahora.",
    },
    "no_text": {
        "en": "There is no text in that message.",
        "de": "In dieser Nachricht steht kein Text.",
        "es": "Ese mensaje no contiene texto.",
    },
    "too_late": {
        "en": "{command} took longer than Discord waits for an answer there. What came of it:\n{text}",
        "de": "{command} hat länger gedauert, als Discord dort auf eine Antwort wartet. Das Ergebnis:\n{text}",
        "es": "{command} ha tardado más de lo que Discord espera allí una respuesta. El resultado:\n{text}",
    },
    "whole_in_file": {
        "en": "The whole answer is in the file {file}.",
        "de": "Die ganze Antwort steht in der Datei {file}.",
        "es": "La respuesta completa está en el archivo {file}.",
    },
    "privacy_forget_but": {
        "en": "/forgetme deletes all of it at once, in every conversation on this platform, except how fast you write,"
        " which ends by itself; /reset ends our conversation here.",
        "de": "/forgetme löscht das alles sofort, in allen Gesprächen auf dieser Plattform, nur nicht, wie schnell du"
        " schreibst, was von selbst endet; /reset beendet unser Gespräch hier.",
        "es": "/forgetme lo borra todo de inmediato, en todas las conversaciones de esta plataforma, salvo lo rápido"
        " que escribes, que termina por sí solo; /reset termina nuestra conversación aquí.",
    },
    "minutes": {"en": "{n} minutes", "de": "{n} Minuten", "es": "{n} minutos"},
    "seconds": {"en": "{n} seconds", "de": "{n} Sekunden", "es": "{n} segundos"},
}
