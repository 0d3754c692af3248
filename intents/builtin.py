# ruff: noqa: RUF001 - letters of Russian that look like Latin ones
"""Follow-ups that need no patterns of their own, by language. Standard library only."""

from collections.abc import Mapping

from intents.catalog import Builtin

DEFAULT_LANGUAGE = "en"
"""Whose words a catalog gets that names no language."""

_SAID: Mapping[str, Mapping[Builtin, str]] = {
    "en": {
        Builtin.YES: (
            "yes; yes please; yeah; yep; sure; of course; okay, do it; that's right; definitely; I do; sounds good; "
            "please do"
        ),
        Builtin.NO: (
            "no; no thanks; nope; nah; not really; not now; I don't think so; of course not; I'd rather not; please "
            "don't; that's wrong; not at all"
        ),
        Builtin.CANCEL: (
            "cancel; cancel that; never mind; forget it; stop; stop it; leave it; I changed my mind; let's drop it; "
            "abort"
        ),
        Builtin.REPEAT: (
            "repeat; repeat that please; say that again; once more; again please; pardon; what did you say; I didn't "
            "get that; can you repeat that; come again"
        ),
    },
    "de": {
        Builtin.YES: (
            "ja; ja bitte; jo; klar; na klar; gerne; sicher; auf jeden Fall; genau; stimmt; okay, mach das; ja, sehr "
            "gern"
        ),
        Builtin.NO: (
            "nein; nein danke; nee; nö; lieber nicht; jetzt nicht; auf keinen Fall; ich glaube nicht; eher nicht; "
            "bitte nicht; das stimmt nicht; gar nicht"
        ),
        Builtin.CANCEL: (
            "abbrechen; brich das ab; vergiss es; schon gut; egal, lass es; stopp; hör auf; lass gut sein; ich hab es "
            "mir anders überlegt; doch nicht"
        ),
        Builtin.REPEAT: (
            "wiederholen; wiederhole das bitte; nochmal; noch einmal bitte; sag das nochmal; wie bitte; was hast du "
            "gesagt; das hab ich nicht verstanden; kannst du das wiederholen; bitte nochmal"
        ),
    },
    "es": {
        Builtin.YES: (
            "sí; sí, por favor; claro; claro que sí; por supuesto; vale; de acuerdo; desde luego; exacto; me parece "
            "bien; adelante; eso es"
        ),
        Builtin.NO: (
            "no; no, gracias; para nada; ahora no; mejor no; claro que no; en absoluto; creo que no; prefiero que no; "
            "de ninguna manera; no quiero; nada de eso"
        ),
        Builtin.CANCEL: (
            "cancelar; cancela eso; olvídalo; déjalo; da igual; para; detente; he cambiado de idea; ya no hace falta; "
            "no importa, déjalo"
        ),
        Builtin.REPEAT: (
            "repetir; repítelo, por favor; otra vez; una vez más; dilo otra vez; cómo dices; qué has dicho; no te he "
            "entendido; puedes repetirlo; otra vez, por favor"
        ),
    },
    "fr": {
        Builtin.YES: (
            "oui; oui, s'il te plaît; ouais; bien sûr; d'accord; volontiers; avec plaisir; absolument; c'est ça; "
            "exactement; vas-y; ça me va"
        ),
        Builtin.NO: (
            "non; non merci; pas vraiment; pas maintenant; bien sûr que non; pas du tout; je ne crois pas; je préfère "
            "pas; surtout pas; ce n'est pas ça; nan; en aucun cas"
        ),
        Builtin.CANCEL: (
            "annuler; annule ça; laisse tomber; oublie ça; peu importe; stop; arrête; j'ai changé d'avis; finalement "
            "non; tant pis"
        ),
        Builtin.REPEAT: (
            "répéter; répète, s'il te plaît; encore une fois; redis-le; dis-le encore; pardon; qu'est-ce que tu as "
            "dit; je n'ai pas compris; tu peux répéter; comment"
        ),
    },
    "ru": {
        Builtin.YES: (
            "да; да, пожалуйста; ага; конечно; хорошо; давай; разумеется; точно; верно; с удовольствием; именно так; "
            "согласен"
        ),
        Builtin.NO: (
            "нет; нет, спасибо; неа; не надо; не сейчас; лучше не надо; конечно нет; ни в коем случае; вряд ли; не "
            "хочу; это не так; совсем нет"
        ),
        Builtin.CANCEL: (
            "отмена; отмени это; забудь; не важно; неважно, забудь; стоп; хватит; прекрати; я передумал; оставь это"
        ),
        Builtin.REPEAT: (
            "повтори; повтори, пожалуйста; ещё раз; скажи ещё раз; что ты сказал; не понял; я не расслышал; можешь "
            "повторить; прости, что; ещё разок"
        ),
    },
    "it": {
        Builtin.YES: (
            "sì; sì, grazie; certo; certamente; va bene; volentieri; d'accordo; assolutamente sì; esatto; proprio "
            "così; fai pure; con piacere"
        ),
        Builtin.NO: (
            "no; no, grazie; non proprio; non adesso; certo che no; per niente; non credo; preferisco di no; meglio "
            "di no; non voglio; non è così; assolutamente no"
        ),
        Builtin.CANCEL: (
            "annulla; annulla tutto; lascia stare; lascia perdere; non importa; fermati; basta; ho cambiato idea; "
            "dimentica; niente, lascia"
        ),
        Builtin.REPEAT: (
            "ripeti; ripeti, per favore; ancora una volta; di nuovo; dillo di nuovo; come, scusa; cosa hai detto; non "
            "ho capito; puoi ripetere; scusa, come"
        ),
    },
    "pt": {
        Builtin.YES: (
            "sim; sim, por favor; claro; claro que sim; com certeza; pode ser; está bem; com prazer; exatamente; isso "
            "mesmo; quero; de acordo"
        ),
        Builtin.NO: (
            "não; não, obrigado; agora não; nem pensar; claro que não; de jeito nenhum; acho que não; prefiro que "
            "não; melhor não; não quero; não é isso; nada disso"
        ),
        Builtin.CANCEL: (
            "cancelar; cancela isso; deixa pra lá; esquece; não importa; pare; parar; mudei de ideia; não precisa "
            "mais; deixa estar"
        ),
        Builtin.REPEAT: (
            "repetir; repete, por favor; outra vez; mais uma vez; diz de novo; como assim; o que você disse; não "
            "entendi; pode repetir; de novo, por favor"
        ),
    },
}

PATTERNS: Mapping[str, Mapping[Builtin, tuple[str, ...]]] = {
    language: {kind: tuple(said.split("; ")) for kind, said in kinds.items()} for language, kinds in _SAID.items()
}
"""How people say it, by language."""

CANCEL_RESPONSES: Mapping[str, str] = {
    "en": "All right, let's leave it.",
    "de": "In Ordnung, lassen wir es.",
    "es": "De acuerdo, lo dejamos.",
    "fr": "D'accord, on laisse tomber.",
    "ru": "Хорошо, оставим это.",
    "it": "Va bene, lasciamo stare.",
    "pt": "Tudo bem, deixamos assim.",
}
"""What a `cancel` without responses of its own says."""


def builtin_patterns(kind: Builtin, language: str | None) -> tuple[str, ...]:
    """Return how people say it; empty in a language that is not known here."""
    return PATTERNS.get(language or DEFAULT_LANGUAGE, {}).get(kind, ())


def cancel_response(language: str | None) -> str:
    """Return what is said when something is cancelled, in English where the language is not known here."""
    return CANCEL_RESPONSES.get(language or DEFAULT_LANGUAGE, CANCEL_RESPONSES[DEFAULT_LANGUAGE])
