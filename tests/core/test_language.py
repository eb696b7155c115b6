"""Messages in other languages are known, and are not called clean."""

from __future__ import annotations

import subprocess
import sys

import pytest

from scanner.core.language import foreign
from scanner.learning import corpus

TEXTS = {
    "de": "Sehr geehrte Frau Okafor, vielen Dank für das freundliche Gespräch am Dienstag. Es tut "
    "mir leid, dass ich bei der Frage nach dem Haushalt so lange gezögert habe.",
    "fr": "Bonjour Madame, je vous remercie de m'avoir reçu mardi. Je regrette de ne pas avoir su "
    "répondre à votre question sur le budget, la réponse m'est revenue dans le train.",
    "es": "Estimada señora Vidal, le agradezco la entrevista del martes. Lamento no haber sabido "
    "contestar a su pregunta sobre el presupuesto, la respuesta me vino en el tren.",
    "pt": "Prezada senhora, agradeço a entrevista de terça-feira. Lamento não ter respondido bem à "
    "sua pergunta sobre o orçamento, a resposta só me ocorreu no comboio.",
    "pl": "Szanowna Pani, dziękuję za wtorkową rozmowę. Przepraszam, że tak długo szukałem "
    "odpowiedzi na pytanie o budżet, przyszła mi do głowy dopiero w pociągu do domu.",
    "zh": "尊敬的王女士,感谢您星期二与我面谈。关于预算的问题我回答得很混乱,"
    "对此我感到非常抱歉,希望您能谅解。",
    "ja": "先日は面接のお時間をいただき、ありがとうございました。予算についてのご質問に"
    "うまくお答えできず、申し訳ございませんでした。",
    "ru": "Уважаемая госпожа Окафор, спасибо за беседу во вторник. Мне жаль, что я так долго "
    "искал ответ на вопрос о бюджете, он пришёл ко мне только в поезде по дороге домой.",
}


@pytest.mark.parametrize("code", TEXTS)
def test_a_note_in_another_language_is_named(code: str):
    """A few sentences are enough to tell which language it is."""
    assert foreign(TEXTS[code]) == code


def test_no_message_of_the_corpus_is_taken_for_foreign():
    """Names, lists, typing errors and non-native writers stay English."""
    examples = corpus.read([corpus.shipped()])
    assert [example.id for example in examples if foreign(example.text)] == []


@pytest.mark.parametrize("text", ["", "Danke!", "Merci, à mardi", "1 2 3 4 5", "x" * 5000])
def test_what_is_too_short_to_tell_is_left_to_the_classifier(text: str):
    """A greeting in passing makes no message foreign."""
    assert foreign(text) == ""


def test_names_and_links_hide_no_other_language():
    """What stands in addresses counts for no language, whatever words it is made of."""
    english = "Ada Lee, Kim Tan, https://example.org/for/you/and/me, the-and-of@example.org"
    assert foreign(f"{TEXTS['de']} {english}") == "de"
    italian = (
        "Grazie del colloquio di martedi, mi ha fatto molto piacere. Purtroppo non ho saputo "
        "rispondere alla sua domanda sul bilancio, la risposta mi e venuta in treno."
    )
    assert foreign(f"{italian} {english}") == "it"


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("de", "Hallo Frau Lenz, danke fuer das Gespraech am Dienstag. Leider war ich bei der "
               "Frage zum Budget nicht gut, ich haette sagen sollen, dass ich das kenne."),
        ("id", "Kepada Bapak Hadi, terima kasih atas wawancara hari Selasa. Maaf saya tidak "
               "menjawab pertanyaan tentang anggaran dengan baik."),
        ("tr", "Sayin Bay Demir, sali gunku gorusme icin tesekkur ederim. Butce sorusuna iyi "
               "cevap veremedim, ozur dilerim."),
    ],
)  # fmt: skip
def test_a_keyboard_without_accents_hides_no_language(code: str, text: str):
    """Many people write their language in plain ASCII."""
    assert foreign(text) == code


@pytest.mark.parametrize(
    "text",
    [
        "Hej Lars, tak for en god snak i dag. Mit svar om budgettet var ikke godt nok, jeg glemte "
        "at sige at vi sparede ti procent. Jeg glæder mig til at høre fra dig.",
        "Hei Kari, tusen takk for intervjuet i går. Jeg beklager at jeg var så nervøs og svarte "
        "feil på spørsmålet om budsjettet.",
        "Kedves Anna, köszönöm a tegnapi interjút. Elnézést kérek a késésért, a vonat egy órát "
        "állt a nyílt pályán. Várom a válaszát.",
        "Dzień dobry, dziękuję za rozmowę. W odpowiedzi o budżecie się pomyliłem, a do tego byłem "
        "zdenerwowany i za to przepraszam.",
        "Poštovana gospođo, hvala na razgovoru u utorak. Žao mi je što sam kasnio, vlak je stajao "
        "na pruzi i nisam mogao javiti.",
        "Mpendwa Bi Amina, asante sana kwa mahojiano ya jana. Samahani nilichelewa, basi "
        "liliharibika njiani. Natumaini kusikia kutoka kwenu.",
    ],
    ids=["Danish", "Norwegian", "Hungarian", "Polish", "Croatian", "Swahili"],
)
def test_small_words_and_close_relatives_hide_no_language(text: str):
    """Some "a", "i", "at" and "for" are no English; nor need one language be certain."""
    assert foreign(text)


def test_what_may_well_be_english_is_not_called_foreign():
    """Names and lists look like several languages, and like none for sure."""
    assert (
        foreign(
            "Anna Schmidt, Pedro Alvarez, li wei, kowalski, dupont, garcia, rossi, novak, jansen, "
            "muller, nielsen, hansen, andersson, virtanen, popescu, ivanov"
        )
        == ""
    )


def test_tables_and_addresses_are_no_language():
    """What has hardly any prose is left to the classifier."""
    assert foreign("Zimmer 4\nUlm, 89073\nfax 07 31\nkim@beispiel.example\n" * 20) == ""


def test_nothing_that_could_fetch_a_model_is_loaded():
    """The one there is does, and a downloader takes longer to load than to be asked."""
    code = (
        "import sys; from scanner.core.language import foreign; "
        "print(foreign(sys.argv[1]), 'robust_downloader' in sys.modules, 'requests' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, TEXTS["de"]], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["de", "False", "False"]
